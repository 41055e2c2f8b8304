public import ExamModel
import SyncProtocol

/// Bearer tokens of operators and proctors. The store keeps their SHA-256 only.
public enum OperatorToken {
  /// A fresh token: 256 random bits behind a word that tools for finding leaked secrets can look for.
  public static func make() -> String {
    "examsync-" + Base64URL.encode(ID128.random().bytes + ID128.random().bytes)
  }

  /// 256 random bits need no salt and no slow hash.
  public static func hash(_ token: String) -> Digest256 { Hash.sha256(Array(token.utf8)) }
}
