// Asks servers of the administrator over HTTP.
export {};
