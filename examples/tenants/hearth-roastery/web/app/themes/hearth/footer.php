<?php
/**
 * The bottom of every page.
 */

defined( 'ABSPATH' ) || exit;
?>
</main>
<footer>
	<p>&copy; <?php echo esc_html( wp_date( 'Y' ) ); ?> <?php bloginfo( 'name' ); ?></p>
</footer>
<?php wp_footer(); ?>
</body>
</html>
