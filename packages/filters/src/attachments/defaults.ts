// What is blocked where nothing else is said: files that a double click runs, or that carry such files past other checks. As
// Outlook, Gmail and Exchange have them.

/** Programs, scripts, shortcuts, installers, and containers that Windows opens like folders. */
export const EXTENSIONS = [
  ..."ade adp apk app appref-ms appx appxbundle bat cab chm cmd com cpl diagcab dll dmg exe gadget hlp hta ins iso img isp".split(
    " ",
  ),
  ..."jar jnlp js jse lib library-ms lnk mde msc msh msh1 msh2 mshxml msi msix msixbundle msp mst ocx pcd pif ps1 ps1xml".split(
    " ",
  ),
  ..."ps2 ps2xml psc1 psc2 psm1 reg scf scr sct search-ms settingcontent-ms shb shs sys theme url vb vbe vbp vbs vhd vhdx".split(
    " ",
  ),
  ..."vxd wim wsc wsf wsh xbap xll".split(" "),
] as const;

/** Harmless by themselves, and not meant to be opened for a document: invoice.pdf.html. */
export const BEHIND_DOCUMENTS = ["htm", "html", "mht", "mhtml", "shtml", "svg", "xhtml"] as const;

/** What such a name pretends to be. */
export const DOCUMENTS: ReadonlySet<string> = new Set(
  "bmp csv doc docm docx gif jpeg jpg mp3 mp4 odp ods odt pdf png ppt pptx rtf tif tiff txt xls xlsm xlsx".split(" "),
);

export const TYPES = [
  "application/hta",
  "application/java-archive",
  "application/vnd.microsoft.portable-executable",
  "application/x-dosexec",
  "application/x-ms-installer",
  "application/x-ms-shortcut",
  "application/x-msdos-program",
  "application/x-msdownload",
  "application/x-msi",
  // A piece of a message: nobody can look into it (RFC 2046 section 5.2.2).
  "message/partial",
] as const;
