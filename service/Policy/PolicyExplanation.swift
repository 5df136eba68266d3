// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageVersions

extension AccessPolicy {
    /// The rights of each caller, in sentences.
    public var explanation: String {
        var paragraphs: [String] = []
        for uid in Set(rules.flatMap(\.uids)).sorted() {
            paragraphs.append(Self.paragraph("User \(uid)", rules.filter { $0.uids.contains(uid) }))
        }
        for gid in Set(rules.flatMap(\.gids)).sorted() {
            paragraphs.append(Self.paragraph("Members of group \(gid)", rules.filter { $0.gids.contains(gid) }))
        }
        paragraphs.append(paragraphs.isEmpty ? "No caller may do anything." : "All other callers may do nothing.")
        return paragraphs.joined(separator: "\n\n")
    }

    private static func paragraph(_ callers: String, _ rules: [AccessRule]) -> String {
        rules.map { "\(callers) may \($0.sentence) (rule \($0.name.quoted))." }.joined(separator: "\n")
    }
}

extension AccessRule {
    /// The rights of a rule, after "may".
    fileprivate var sentence: String {
        let methods = methods.map { "call \(Self.list($0.map(\.text)))" } ?? "call every method"
        let groups = groups.map { Self.list($0.map(\.rawValue).sorted()) } ?? "every group"
        let versions = versions.map { "in \(Self.list($0.sorted().map(\.description)))" } ?? "in every version"
        let roots = roots.map { "beneath \(Self.list($0.roots))" } ?? "beneath the host's roots"
        let devices =
            devices.map { "on disks with \($0.map(\.phrase).joined(separator: ", or with "))" } ?? "on every disk"
        let services =
            services.isEmpty
            ? "controlling no service of the system"
            : "controlling the services \(Self.list(services.map(\.description)))"
        return "\(methods) of \(groups) \(versions), \(roots), \(devices), \(services)"
    }

    private static func list(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
        return "\(words.dropLast().joined(separator: ", ")) and \(last)"
    }
}

extension DevicePattern {
    fileprivate var phrase: String {
        [page83.map { "page 83 \($0.text.quoted)" }, serial.map { "serial number \($0.text.quoted)" }]
            .compactMap(\.self).joined(separator: " and ")
    }
}
