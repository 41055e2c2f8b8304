import ExamModel

/// An exam in memory, with the items of every version of its paper.
struct ExamEntry {
  var row: ExamRow
  /// The newest version's key; `nil` before the first publication.
  var paperKey: [UInt8]?
  /// Which answers any published version takes: a device may still hold an older one.
  private(set) var forms: [String: [PaperItem]] = [:]
  /// The same for answers that are one option; `nil` before the first publication.
  private(set) var plainItems: PlainItems?

  init(row: ExamRow) {
    self.row = row
  }

  mutating func add(_ items: [PaperItem], key: [UInt8]) {
    paperKey = key
    for item in items { forms[item.id, default: []].insert(item, at: 0) }
    plainItems = PlainItems(forms)
  }

  /// Without a paper every item is possible.
  func knows(_ item: String, section: inout String?) -> Bool {
    guard paperKey != nil else { return true }
    guard let newest = forms[item]?.first else { return false }
    section = newest.section
    return true
  }

  func accepts(_ value: AnswerValue, for item: String, section: inout String?) -> Bool {
    guard paperKey != nil else { return true }
    guard let versions = forms[item], let fitting = versions.first(where: { $0.form.accepts(value) }) else {
      return false
    }
    section = fitting.section
    return true
  }
}
