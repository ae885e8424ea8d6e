<?php
/**
 * Acme Bakery: what the theme adds to WordPress.
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'after_setup_theme',
	static function (): void {
		add_theme_support( 'post-thumbnails' );
		add_theme_support( 'editor-styles' );
		add_editor_style( 'style.css' );
	}
);

add_action(
	'wp_enqueue_scripts',
	static function (): void {
		// The version is the theme's, so that browsers fetch the stylesheet of a new release.
		wp_enqueue_style( 'acme-bakery', get_stylesheet_uri(), array(), wp_get_theme()->get( 'Version' ) );
	}
);
