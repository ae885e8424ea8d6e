<?php
/**
 * Posts and pages: whole when alone, excerpts in a list.
 */

defined( 'ABSPATH' ) || exit;

get_header();

if ( ! have_posts() ) {
	printf( '<p>%s</p>', esc_html__( 'Nothing here yet.', 'hearth' ) );
}

while ( have_posts() ) {
	the_post();
	?>
	<article <?php post_class(); ?>>
		<?php if ( is_singular() ) : ?>
			<h1><?php the_title(); ?></h1>
			<?php the_content(); ?>
		<?php else : ?>
			<h2><a href="<?php the_permalink(); ?>"><?php the_title(); ?></a></h2>
			<?php the_excerpt(); ?>
		<?php endif; ?>
	</article>
	<?php
}

the_posts_pagination();
get_footer();
