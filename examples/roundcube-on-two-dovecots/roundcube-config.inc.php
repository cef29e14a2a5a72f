<?php
// Roundcube on web1 and web2, besides its own configuration: one database and one des_key for both.

// Mailboxes by way of the gateway, which knows whose is where.
$config['imap_host'] = 'ssl://mail.example.com:993';
$config['smtp_host'] = 'ssl://mail.example.com:465';

// The gateways tell the client's address, and that it came by https.
$config['proxy_whitelist'] = ['10.0.0.5', '10.0.0.6'];

// Guessers: so many failed logins a minute from one address.
$config['login_rate_limit'] = 3;
