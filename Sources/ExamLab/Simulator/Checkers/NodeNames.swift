extension SimNode {
  /// For people: `phone 3`.
  package var name: String {
    switch self {
    case .world: "world"
    case .server(let index): "server \(index)"
    case .phone(let index): "phone \(index)"
    case .proctor(let index): "proctor \(index)"
    }
  }

  package var isPhone: Bool {
    if case .phone = self { return true }
    return false
  }

  package var isServer: Bool {
    if case .server = self { return true }
    return false
  }
}
