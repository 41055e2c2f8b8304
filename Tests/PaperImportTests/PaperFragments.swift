import PaperImport

/// A small valid paper as text, one thing on each line, to be broken one line at a time.
enum PaperFragments {
  static let paper = """
    {
      "format": "examsync-paper/1",
      "id": "small", "version": 1, "title": "Small paper", "language": "en",
      "assets": [
        {"id": "picture", "file": "picture.png", "description": "A grey square"}
      ],
      "sharedStems": [
        {"id": "case", "text": "A case.", "assets": ["picture"]}
      ],
      "sharedOptionLists": [
        {"id": "list", "options": [{"id": "A", "text": "one"}, {"id": "B", "text": "two"}]}
      ],
      "sections": [
        {"id": "s1", "title": "First", "drawnUnits": 3, "shufflesItems": true,
         "items": [
          {"id": "a1", "type": "A1", "stem": "Which?", "score": 1, \
    "options": [{"id": "A", "text": "x"}, {"id": "B", "text": "y"}]},
          {"id": "x1", "type": "X", "stem": "Which ones?", "score": 1, \
    "options": [{"id": "A", "text": "x"}, {"id": "B", "text": "y"}]},
          {"id": "t1", "type": "trueFalse", "stem": "So?", "score": 1},
          {"id": "f1", "type": "fillIn", "stem": "{{1}} and {{2}}", "score": 1, "blanks": 2},
          {"id": "n1", "type": "numeric", "stem": "How many?", "score": 1, "unit": "ml"},
          {"id": "e1", "type": "essay", "stem": "Discuss.", "score": 1, "maximumCharacters": 100}
        ]},
        {"id": "s2", "title": "Second", "canGoBack": false, "timeLimitSeconds": 60,
         "items": [
          {"id": "c1", "type": "A3", "stem": "First?", "score": 1.5, "sharedStem": "case", \
    "options": [{"id": "A", "text": "x"}, {"id": "B", "text": "y"}]},
          {"id": "c2", "type": "A3", "stem": "Next?", "score": 1.5, "sharedStem": "case", \
    "options": [{"id": "A", "text": "x"}, {"id": "B", "text": "y"}]},
          {"id": "b1", "type": "B1", "stem": "One?", "score": 1, "sharedOptions": "list"},
          {"id": "b2", "type": "B1", "stem": "Two?", "score": 1, "sharedOptions": "list"}
        ]}
      ]
    }

    """

  static let key = """
    {
      "format": "examsync-key/1", "paper": "small", "version": 1,
      "answers": [
        {"item": "a1", "options": ["A"], "note": "n", "rationale": "r"},
        {"item": "x1", "options": ["B", "A"]},
        {"item": "t1", "options": ["T"]},
        {"item": "f1", "blanks": [["left", "l"], ["right"]]},
        {"item": "n1", "number": 12.50, "tolerance": 0.1},
        {"item": "e1", "modelAnswer": "A model."},
        {"item": "c1", "options": ["A"]},
        {"item": "c2", "options": ["B"]},
        {"item": "b1", "options": ["A"]},
        {"item": "b2", "options": ["B"]}
      ]
    }

    """

  /// The picture of every canary paper: a valid PNG.
  static let picture = CanaryPaper.files(seed: 0, itemCount: 16)["assets/picture.png"] ?? []

  static func files(
    paper: String = paper, key: String? = key, picture: [UInt8]? = picture
  ) -> [String: [UInt8]] {
    var files = ["paper.json": Array(paper.utf8)]
    if let key { files["key.json"] = Array(key.utf8) }
    if let picture { files["assets/picture.png"] = picture }
    return files
  }

  /// Replaces the first occurrence of `old`, which must be there.
  static func replace(_ old: String, _ new: String, in text: String) -> String? {
    guard let range = text.firstRange(of: old) else { return nil }
    return text.replacingCharacters(in: range, with: new)
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}
