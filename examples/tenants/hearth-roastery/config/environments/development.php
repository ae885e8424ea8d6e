<?php
/**
 * Development: errors are shown.
 */

define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', true );
define( 'SCRIPT_DEBUG', true );
define( 'DISALLOW_INDEXING', true );
