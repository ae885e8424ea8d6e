<?php
/**
 * Every setting of the site, read from the environment; a file of environments/ may set its own first.
 */

$required = static function ( string $name ): string {
	$value = getenv( $name );
	if ( false === $value || '' === $value ) {
		error_log( "config/application.php: the environment variable {$name} is not set" );
		http_response_code( 503 );
		exit( 1 );
	}
	return $value;
};

define( 'WP_ENV', getenv( 'WP_ENV' ) ?: 'production' );
define( 'WP_ENVIRONMENT_TYPE', WP_ENV );

// Only names that stand here are ever part of a path.
if ( in_array( WP_ENV, array( 'development', 'staging' ), true ) ) {
	require __DIR__ . '/environments/' . WP_ENV . '.php';
}

define( 'WP_HOME', $required( 'WP_HOME' ) );
define( 'WP_SITEURL', getenv( 'WP_SITEURL' ) ?: WP_HOME . '/wp' );

define( 'CONTENT_DIR', '/app' );
define( 'WP_CONTENT_DIR', dirname( __DIR__ ) . '/web' . CONTENT_DIR );
define( 'WP_CONTENT_URL', WP_HOME . CONTENT_DIR );

define( 'DB_NAME', $required( 'DB_NAME' ) );
define( 'DB_USER', $required( 'DB_USER' ) );
define( 'DB_PASSWORD', $required( 'DB_PASSWORD' ) );
define( 'DB_HOST', $required( 'DB_HOST' ) );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
$table_prefix = getenv( 'DB_PREFIX' ) ?: 'wp_';

foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $purpose ) {
	define( $purpose . '_KEY', $required( $purpose . '_KEY' ) );
	define( $purpose . '_SALT', $required( $purpose . '_SALT' ) );
}

// Code comes from releases only: an instance that changed its own files would differ from its neighbours.
define( 'DISALLOW_FILE_MODS', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'DISABLE_WP_CRON', true );

defined( 'WP_DEBUG' ) || define( 'WP_DEBUG', false );
defined( 'WP_DEBUG_DISPLAY' ) || define( 'WP_DEBUG_DISPLAY', false );

// TLS ends at Google's front end, which says so in this header.
if ( 'https' === ( $_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '' ) ) {
	$_SERVER['HTTPS'] = 'on';
}

defined( 'ABSPATH' ) || define( 'ABSPATH', dirname( __DIR__ ) . '/web/wp/' );
