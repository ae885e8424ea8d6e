<?php
/**
 * Plugin Name: Opening hours
 * Description: The [opening_hours] shortcode: when the bakery is open. Days and hours come from the option
 *              `opening_hours` (an array of day => hours), so that staff change them without a release.
 */

defined( 'ABSPATH' ) || exit;

add_shortcode(
	'opening_hours',
	static function (): string {
		$hours = get_option( 'opening_hours' );
		if ( ! is_array( $hours ) || array() === $hours ) {
			$hours = array(
				__( 'Tuesday to Friday', 'acme-bakery' ) => '06:30 – 18:00',
				__( 'Saturday', 'acme-bakery' )          => '06:30 – 13:00',
			);
		}
		$rows = '';
		foreach ( $hours as $day => $open ) {
			$rows .= sprintf( '<tr><th scope="row">%s</th><td>%s</td></tr>', esc_html( (string) $day ), esc_html( (string) $open ) );
		}
		return '<table class="opening-hours">' . $rows . '</table>';
	}
);
