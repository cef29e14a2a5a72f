<?php
// Roundcube on mbx1 and mbx2, besides its own configuration. Both need the same des_key only if a browser may change between them,
// which it does not here.
$config['imap_host'] = 'ssl://localhost:993';
$config['smtp_host'] = 'ssl://localhost:465';

// Logs in by itself with the Basic login that the gateway sends. The web server must hand it to PHP (PHP_AUTH_USER, PHP_AUTH_PW).
$config['plugins'][] = 'http_authentication';

// The gateways tell the client's address and that it came by https.
$config['proxy_whitelist'] = ['10.0.0.5', '10.0.0.6'];

// The gateway's own session ends here too.
$config['logout_url'] = 'https://webmail.example.com/postern/logout';
