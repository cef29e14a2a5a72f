// The words for one HTTP message (RFC 9110, RFC 9112): its header fields as they came, its head, and how long its body is.

/**
 * Header fields: name, value, name, value …, in the order and the case in which they came. A character of a value is one
 * octet (latin1), so that nothing is lost.
 */
export type Fields = readonly string[];

/** The first lines of a request, in HTTP/1.x. */
export interface RequestHead {
  readonly method: string;
  /** As sent: origin-form, absolute-form, authority-form or "*". */
  readonly target: string;
  /** HTTP/1.0 or HTTP/1.1. */
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

/** The first lines of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** May be empty. */
  readonly reason: string;
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

/** How the end of a body is told (RFC 9112 section 6.3): none at all, by a length in bytes, by chunks, or by the end of the connection. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

export interface HeadLimits {
  /** Bytes of start line and header fields. */
  readonly maxHead: number;
  readonly maxFields: number;
  /** Characters of a request's target. */
  readonly maxTarget: number;
}
