// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageVersions

extension AccessPolicy {
    /// More than any policy needs, and little enough to be read at once.
    public static let maximumFileSize = 64 << 10

    /// Reads a policy file. Its form is explained in `service/policy/example.yaml`.
    ///
    /// Strict: a field that is unknown, duplicate, empty or without any effect is a fault, and a file with a fault is
    /// no policy. All faults are reported at once.
    ///
    /// - Parameter drives: the host directories that drives stand for, where roots may be in Windows spelling too; nil
    ///   where they may not.
    public init(
        yaml text: [UInt8], methods: MethodCatalogue, names: AccountNames, drives: [Character: String]? = nil
    ) throws(PolicyFaults) {
        guard text.count <= Self.maximumFileSize else {
            throw PolicyFaults([PolicyFault(line: nil, "the file is longer than \(Self.maximumFileSize) bytes")])
        }
        var reader = PolicyReader(methods: methods, names: names, drives: drives)
        let rules = reader.policy(try YAMLNode(parsing: text))
        guard reader.faults.isEmpty else { throw PolicyFaults(reader.faults) }
        self.init(rules: rules)
    }
}

/// Reads rules and collects their faults.
private struct PolicyReader {
    let methods: MethodCatalogue
    let names: AccountNames
    let drives: [Character: String]?
    var faults: [PolicyFault] = []

    mutating func policy(_ node: YAMLNode) -> [AccessRule] {
        guard let fields = fields(node, of: "a policy", required: ["policy", "rules"]) else { return [] }
        if let version = fields["policy"], scalar(version, "the version") != "1" {
            fault(version, "this program reads policies of version 1")
        }
        guard let list = fields["rules"], case .sequence(let items) = list.value else {
            if let list = fields["rules"] { fault(list, "rules are a list; [] for none") }
            return []
        }
        let rules = items.compactMap { rule($0) }
        var seen: Set<String> = []
        for (rule, item) in zip(rules, items) where !seen.insert(rule.name).inserted {
            fault(item, "two rules are called \(rule.name.quoted)")
        }
        return rules
    }

    private mutating func rule(_ node: YAMLNode) -> AccessRule? {
        let optional: Set = ["versions", "methods", "roots", "devices", "services"]
        guard
            let fields = fields(node, of: "a rule", required: ["name", "callers", "groups"], optional: optional)
        else { return nil }
        var rule = AccessRule(name: fields["name"].flatMap { scalar($0, "the name") } ?? "")
        if let callers = fields["callers"] { (rule.uids, rule.gids) = self.callers(callers) }
        rule.groups = all(fields["groups"], "groups").map { Set($0.compactMap { group($0) }) }
        rule.versions = all(fields["versions"], "versions").map { Set($0.compactMap { version($0, in: rule) }) }
        rule.methods = all(fields["methods"], "methods").map { $0.compactMap { method($0, in: rule) } }
        if let roots = all(fields["roots"], "roots") { rule.roots = directories(roots) }
        rule.devices = all(fields["devices"], "devices").map { $0.compactMap { device($0) } }
        if let services = fields["services"] {
            rule.services = list(services, "services").compactMap { service($0) }
        }
        return rule
    }

    private mutating func service(_ node: YAMLNode) -> ServicePattern? {
        guard let text = scalar(node, "a service") else { return nil }
        do throws(StorageError) {
            return try ServicePattern(text)
        } catch {
            fault(node, error.detail)
            return nil
        }
    }

    // MARK: - Callers

    private mutating func callers(_ node: YAMLNode) -> (Set<UInt32>, Set<UInt32>) {
        guard let fields = fields(node, of: "callers", optional: ["uids", "gids"]) else { return ([], []) }
        func ids(_ node: YAMLNode?, _ kind: String, _ named: (String) -> UInt32?) -> Set<UInt32> {
            guard let node else { return [] }
            return Set(list(node, "\(kind)s").compactMap { id($0, kind, named) })
        }
        return (ids(fields["uids"], "uid", names.uid), ids(fields["gids"], "gid", names.gid))
    }

    private mutating func id(_ node: YAMLNode, _ kind: String, _ named: (String) -> UInt32?) -> UInt32? {
        guard let text = scalar(node, "a \(kind)") else { return nil }
        let isNumber = text.utf8.allSatisfy(\.isDigit)
        let id = isNumber ? (text.utf8.count > 1 && text.utf8.first == 0x30 ? nil : UInt32(text)) : named(text)
        switch id {
        case nil where isNumber: fault(node, "\(text.quoted) is no \(kind)")
        case nil: fault(node, "\(text.quoted) is the name of no \(kind) of this host")
        case 65534?:
            // /proc/sys/kernel/overflowuid: all users without a number in this user namespace.
            fault(node, "65534 stands for every user of another user namespace, so it names no single one")
        case UInt32.max?: fault(node, "\(text.quoted) is no \(kind)")
        case let id?: return id
        }
        return nil
    }

    // MARK: - Methods

    private mutating func group(_ node: YAMLNode) -> APIGroup? {
        guard let text = scalar(node, "a group") else { return nil }
        let group = APIGroup(rawValue: text)
        if group == nil {
            let known = APIGroup.allCases.map(\.rawValue).joined(separator: ", ")
            fault(node, "\(text.quoted) is no group; there are \(known)")
        }
        return group
    }

    private mutating func version(_ node: YAMLNode, in rule: AccessRule) -> APIVersion? {
        guard let text = scalar(node, "a version") else { return nil }
        let version = APIVersion(text)
        guard let version,
            methods.contains(where: { $0.version == version && rule.groups?.contains($0.group) != false })
        else {
            fault(node, "none of the rule's groups has a version \(text.quoted)")
            return nil
        }
        return version
    }

    private mutating func method(_ node: YAMLNode, in rule: AccessRule) -> NamePattern? {
        guard let text = scalar(node, "a method") else { return nil }
        let pattern = NamePattern(text)
        guard methods.contains(where: { rule.covers($0.group, $0.version) && pattern.matches($0.name) }) else {
            fault(node, "no method of the rule's groups and versions is called \(text.quoted)")
            return nil
        }
        return pattern
    }

    // MARK: - Subjects

    private mutating func directories(_ nodes: [YAMLNode]) -> PathPolicy? {
        var roots: [String] = []
        for node in nodes {
            guard let text = scalar(node, "a root") else { continue }
            guard text.utf8.first == UInt8(ascii: "/") || drives != nil && text.isOnADrive else {
                fault(node, "a root is an absolute path of the host, not \(text.quoted)")
                continue
            }
            do throws(StorageError) {
                _ = try PathPolicy(roots: [text], drives: drives ?? [:])
                roots.append(text)
            } catch {
                fault(node, error.detail)
            }
        }
        // Every root has been tried; where none was valid there is a fault, and no policy.
        return try? PathPolicy(roots: roots, drives: drives ?? [:])
    }

    private mutating func device(_ node: YAMLNode) -> DevicePattern? {
        guard let fields = fields(node, of: "a device", optional: ["page83", "serial"]) else { return nil }
        return DevicePattern(
            page83: fields["page83"].flatMap { scalar($0, "page83") }.map { NamePattern($0) },
            serial: fields["serial"].flatMap { scalar($0, "serial") }.map { NamePattern($0) })
    }

    // MARK: - Shapes

    private mutating func fault(_ node: YAMLNode, _ text: String) {
        faults.append(PolicyFault(line: node.line, text))
    }

    private mutating func fields(
        _ node: YAMLNode, of what: String, required: Set<String> = [], optional: Set<String> = []
    ) -> [String: YAMLNode]? {
        guard case .mapping(let entries) = node.value else {
            fault(node, "\(what) is made of \(required.union(optional).sorted().joined(separator: ", "))")
            return nil
        }
        var fields: [String: YAMLNode] = [:]
        for entry in entries {
            if required.contains(entry.key) || optional.contains(entry.key) {
                fields[entry.key] = entry.value
            } else {
                faults.append(PolicyFault(line: entry.line, "\(what) has no \(entry.key.quoted)"))
            }
        }
        if required.isEmpty, entries.isEmpty {
            fault(node, "one of \(optional.sorted().joined(separator: ", ")) is needed")
        }
        for key in required.sorted() where fields[key] == nil { fault(node, "\(what) needs \(key)") }
        return fields
    }

    /// The items of a list, or nil where the field is missing or says `all`.
    private mutating func all(_ node: YAMLNode?, _ what: String) -> [YAMLNode]? {
        guard let node else { return nil }
        if case .scalar("all") = node.value { return nil }
        return list(node, what)
    }

    private mutating func list(_ node: YAMLNode, _ what: String) -> [YAMLNode] {
        guard case .sequence(let items) = node.value else {
            fault(node, "\(what) are a list")
            return []
        }
        if items.isEmpty { fault(node, "a rule with no \(what) allows nothing") }
        return items
    }

    private mutating func scalar(_ node: YAMLNode, _ what: String) -> String? {
        guard case .scalar(let text) = node.value, !text.isEmpty else {
            fault(node, "\(what) is a word")
            return nil
        }
        return text
    }
}

extension String {
    /// Whether it begins like `C:\`.
    var isOnADrive: Bool {
        let start = Array(utf8.prefix(3))
        return start.count == 3 && (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(start[0] & ~0x20)
            && start[1] == UInt8(ascii: ":") && (start[2] == UInt8(ascii: "\\") || start[2] == UInt8(ascii: "/"))
    }
}
