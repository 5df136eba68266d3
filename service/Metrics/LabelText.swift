// SPDX-License-Identifier: Apache-2.0

/// Labels as they stand between the braces of a line: `a="x",b="y"`.
enum LabelText {
    /// Sorted by name, so that the same labels are the same series in any order.
    static func sorted(_ labels: [(String, String)]) -> String {
        labels.map { (MetricName.sanitized($0.0), $0.1) }.sorted { $0.0 < $1.0 }
            .map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += #"\\"#
            case "\"": text += #"\""#
            case "\n": text += #"\n"#
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
