/// The page of the configuration as it was read, without its secrets.
enum ConfigurationPage {
  static func render(_ status: StatusSnapshot, sanitizedText: String) -> String {
    PageFrame.render(
      .configuration, status, refreshes: false,
      PageParts.section(
        "Configuration", "as it was read, secrets hidden; comments are not kept", id: "configuration",
        "<pre>\(highlighted(sanitizedText))</pre>"))
  }

  /// Hidden values stand out.
  private static func highlighted(_ text: String) -> String {
    HTMLText.escape(text).replacing("&lt;secret&gt;", with: "<mark>&lt;secret&gt;</mark>")
  }
}
