// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A message of an iSCSI login: 48 bytes, and text of the form "key=value", each with a NUL behind it.
/// Source: RFC 7143, 6.1, 11.12 and 11.13.
struct LoginMessage: Sendable, Equatable {
    /// Keys and values, in their order.
    var texts: [(key: String, value: String)] = []
    /// Whether this side has finished its proof.
    var endsSecurityStage = false

    static func == (a: LoginMessage, b: LoginMessage) -> Bool {
        a.endsSecurityStage == b.endsSecurityStage && a.texts.elementsEqual(b.texts) { $0 == $1 }
    }

    static let headerSize = 48

    subscript(key: String) -> String? { texts.first { $0.key == key }?.value }

    /// As the host sends it.
    ///
    /// - Parameters:
    ///   - session: six bytes that no other session of this host with that target has.
    ///   - expected: the number of the answer that comes next.
    func request(session: [UInt8], expected: UInt32) -> [UInt8] {
        var data: [UInt8] = []
        for (key, value) in texts { data += Array("\(key)=\(value)".utf8) + [0] }
        var header = [UInt8](repeating: 0, count: Self.headerSize)
        header[0] = 0x43  // a login, to be delivered at once
        header[1] = endsSecurityStage ? 0x81 : 0x00
        header.replaceSubrange(5..<8, with: data.count.littleEndianBytes[..<3].reversed())
        header.replaceSubrange(8..<14, with: session)
        header[19] = 1  // the task's tag
        header.replaceSubrange(28..<32, with: expected.littleEndianBytes.reversed())
        while data.count % 4 != 0 { data.append(0) }
        return header + data
    }

    /// The target's answer.
    struct Response: Sendable, Equatable {
        /// The status of the login; 0 is success, the others are in RFC 7143, 11.13.5.
        let status: UInt16
        let number: UInt32
        /// In bytes, without padding.
        let dataSize: Int

        /// nil where it is no answer to a login.
        init?(header: [UInt8]) {
            guard header.count == headerSize, header[0] & 0x3F == 0x23, header[4] == 0 else { return nil }
            dataSize = Int(header.big(5, 3))
            number = UInt32(header.big(24, 4))
            status = UInt16(header.big(36, 2))
        }
    }

    /// Of the data of an answer.
    init(data: [UInt8]) {
        texts = data.split(separator: 0).compactMap { text in
            String(decoding: text, as: UTF8.self)[...].keyAndValue.map { (String($0.key), String($0.value)) }
        }
    }

    init(_ texts: [(key: String, value: String)], endsSecurityStage: Bool = false) {
        self.texts = texts
        self.endsSecurityStage = endsSecurityStage
    }

    // MARK: - Binary values

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        "0x" + bytes.map(\.hexadecimal).joined()
    }

    /// Of "0x0a1b" or, in base64, "0bCBs="; nil where it is neither. Source: RFC 7143, 6.1.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8.dropFirst(2))
        switch text.prefix(2).lowercased() {
        case "0x":
            let values = digits.map { Character(UnicodeScalar($0)).hexDigitValue }
            guard !values.isEmpty, !values.contains(nil) else { return nil }
            let whole = (values.count % 2 == 0 ? [] : [0]) + values.compactMap { $0 }
            return stride(from: 0, to: whole.count, by: 2).map { UInt8(whole[$0] << 4 | whole[$0 + 1]) }
        case "0b":
            var bits: UInt32 = 0
            var count = 0
            var bytes: [UInt8] = []
            for digit in digits.prefix(while: { $0 != UInt8(ascii: "=") }) {
                guard let value = alphabet.firstIndex(of: digit) else { return nil }
                bits = bits << 6 | UInt32(value)
                count += 6
                if count >= 8 {
                    count -= 8
                    bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                }
            }
            return bytes.isEmpty ? nil : bytes
        default: return nil
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
