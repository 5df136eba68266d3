// SPDX-License-Identifier: Apache-2.0

import ProxyServer
import StorageAccess
import StorageVersions

/// The users and groups that the tests know.
let accounts = AccountNames(uid: { ["alice": 1001][$0] }, gid: { ["csi": 7000][$0] })

func policy(_ yaml: String) throws(PolicyFaults) -> AccessPolicy {
    try AccessPolicy(yaml: Array(yaml.utf8), methods: .served, names: accounts)
}

/// A policy of one rule, whose fields are given.
func policy(ruleWith fields: String) throws(PolicyFaults) -> AccessPolicy {
    try policy(
        """
        policy: 1
        rules:
          - name: one
            callers: {uids: [1001]}
            groups: all
            \(fields)
        """)
}

func faults(in yaml: String) -> [String] {
    do throws(PolicyFaults) {
        _ = try policy(yaml)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

/// Those of a rule with these fields, which begin on line 6.
func faults(inRuleWith fields: String) -> [String] {
    do throws(PolicyFaults) {
        _ = try policy(ruleWith: fields)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

func method(_ text: String) throws -> MethodName {
    guard let method = MethodCatalogue.served.first(where: { $0.description == text }) else {
        throw NoMethod(text: text)
    }
    return method
}

struct NoMethod: Error {
    var text: String
}
