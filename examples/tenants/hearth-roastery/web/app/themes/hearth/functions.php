<?php
/**
 * Hearth: what the theme adds to WordPress.
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'after_setup_theme',
	static function (): void {
		add_theme_support( 'title-tag' );
		add_theme_support( 'post-thumbnails' );
		add_theme_support( 'html5', array( 'search-form', 'gallery', 'caption', 'style', 'script' ) );
		register_nav_menus( array( 'main' => __( 'Main menu', 'hearth' ) ) );
	}
);

add_action(
	'wp_enqueue_scripts',
	static function (): void {
		wp_enqueue_style( 'hearth', get_stylesheet_uri(), array(), wp_get_theme()->get( 'Version' ) );
	}
);
