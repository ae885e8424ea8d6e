<?php
/**
 * Plugin Name: Indexing
 * Description: Keeps search engines out wherever the configuration says so.
 */

defined( 'ABSPATH' ) || exit;

if ( defined( 'DISALLOW_INDEXING' ) && DISALLOW_INDEXING ) {
	add_filter( 'pre_option_blog_public', '__return_zero' );
}
