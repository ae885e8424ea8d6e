<?php
/**
 * Staging: errors are logged, and search engines stay out.
 */

define( 'WP_DEBUG', true );
define( 'WP_DEBUG_LOG', '/dev/stderr' );
define( 'DISALLOW_INDEXING', true );
