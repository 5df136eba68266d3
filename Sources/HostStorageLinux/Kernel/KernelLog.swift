// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the kernel logs from a moment on (/dev/kmsg). Filesystems give there the reason for refusing a device, where
/// mount(2) often returns only "Invalid argument".
struct KernelLog: ~Copyable {
    private let file: Descriptor

    /// Nil where this process may not read the log.
    init?() {
        guard let file = try? Descriptor(opening: "/dev/kmsg", O_RDONLY | O_NONBLOCK), lseek(file.raw, 0, SEEK_END) >= 0
        else { return nil }
        self.file = file
    }

    /// Messages since then that name the device, without the text before the message.
    func words(about device: String) -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        // One record a read: "priority,number,time,flags;text", and lines with properties.
        for _ in 0..<1000 where lines.count < 4 {
            let count = read(file.raw, &buffer, buffer.count)
            // Records that were overwritten before they were read.
            if count < 0, errno == EPIPE { continue }
            guard count > 0 else { break }
            let record = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").first ?? ""
            let text = record.drop { $0 != ";" }.dropFirst()
            let names = text.split { !($0.isLetter || $0.isNumber || "-_".contains($0)) }
            if names.contains(where: { $0 == device }) { lines.append(String(text)) }
        }
        return lines
    }
}
