/// Numbers as people read them.
enum Digits {
  /// 1234567 as 1,234,567.
  static func grouped(_ number: some BinaryInteger, by separator: String = ",") -> String {
    let digits = String(number.magnitude)
    let grouped = digits.enumerated().reduce(into: "") { text, digit in
      if digit.offset > 0, (digits.count - digit.offset).isMultiple(of: 3) { text += separator }
      text.append(digit.element)
    }
    return number < 0 ? "-" + grouped : grouped
  }
}
