// Messages as they are on the wire: header, Received fields, kinds, attachments, line endings.

export const MESSAGE_LINE_END = "\r\n";
