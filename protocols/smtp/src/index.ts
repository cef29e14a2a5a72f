// SMTP as the gateway speaks it: submission.
export {};
