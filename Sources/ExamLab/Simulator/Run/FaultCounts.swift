/// How often each kind of fault happened, in the order of the first time.
package struct FaultCounts: Hashable, Sendable {
  package private(set) var rows: [Row] = []

  package struct Row: Hashable, Sendable {
    package var name: String
    package var count: Int
  }

  package init() {}

  package mutating func count(_ name: String, _ more: Int = 1) {
    if let index = rows.firstIndex(where: { $0.name == name }) {
      rows[index].count += more
    } else {
      rows.append(Row(name: name, count: more))
    }
  }

  package mutating func add(_ other: FaultCounts) {
    for row in other.rows { count(row.name, row.count) }
  }

  package var total: Int { rows.reduce(0) { $0 + $1.count } }
}
