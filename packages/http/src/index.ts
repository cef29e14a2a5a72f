// HTTP authentication.
export {};
