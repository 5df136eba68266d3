// SPDX-License-Identifier: Apache-2.0

import Foundation
import StorageVersions
import StorageWire
import Testing

@testable import ProxyServer

/// That the tables serve the frozen contract, and that versions which share rows are the same on the wire.
@Suite(.timeLimit(.minutes(20))) struct ContractTests {
    struct Contract: Decodable {
        struct Service: Decodable {
            let name: String
            let methods: [Method]
        }
        struct Method: Decodable {
            let name: String
            let request: String
            let response: String
        }
        struct Message: Decodable {
            let name: String
            let fields: [Field]
        }
        struct Field: Decodable {
            let number: Int
            let type: String
        }
        let package: String
        let pipe: String
        let services: [Service]
        let messages: [Message]

        /// The numbers and types of a message's fields, message types spelled out.
        func shape(_ name: String) throws -> [Int: String] {
            let message = try #require(messages.first { $0.name == name })
            var shape: [Int: String] = [:]
            for field in message.fields {
                var type = field.type
                for nested in messages where type.contains("\(package).\(nested.name)") {
                    let inner = try self.shape(nested.name).sorted { $0.key < $1.key }
                    type = type.replacingOccurrences(of: "\(package).\(nested.name)", with: "\(inner)")
                }
                shape[field.number] = type.replacingOccurrences(of: "\(package).", with: "")
            }
            return shape
        }
    }

    static let frozen: [String: Contract] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "api/baseline/csi-proxy-contract.json")
        return (try? JSONDecoder().decode([String: Contract].self, from: Data(contentsOf: file))) ?? [:]
    }()

    /// Versions that may still change, and the methods that their .proto files have.
    static let unreleased: [String: [String]] = {
        let api = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "api")
        let list = (try? String(contentsOf: api.appending(path: "baseline/unreleased"), encoding: .utf8)) ?? ""
        let versions = list.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap {
            $0.split(separator: " ").first
        }
        return Dictionary(
            uniqueKeysWithValues: versions.map { version in
                let file = "\(version)/\(version.split(separator: "/")[0]).proto"
                let text = (try? String(contentsOf: api.appending(path: file), encoding: .utf8)) ?? ""
                return (String(version), text.matches(of: #/\brpc (\w+)/#).map { String($0.output.1) })
            })
    }()

    static let served = APIGroup.allCases.flatMap { group in group.versions.map { (group, $0) } }

    @Test func everyReleasedVersionOfTheGroupsIsServed() {
        let groups = Set(APIGroup.allCases.map(\.rawValue))
        let released = Self.frozen.keys.filter { groups.contains(String($0.split(separator: "/")[0])) }
        #expect(Set(released).union(Self.unreleased.keys) == Set(Self.served.map { "\($0)/\($1)" }))
        #expect(released.count == 23)
        #expect(Self.unreleased.keys.allSatisfy { !released.contains($0) })
    }

    @Test(arguments: served) func eachVersionHasItsMethodsUnderItsName(_ group: APIGroup, _ version: APIVersion) throws
    {
        if let methods = Self.unreleased["\(group)/\(version)"] {
            #expect(group.rows(version).map(\.method).sorted() == methods.sorted())
            #expect(!methods.isEmpty)
            return
        }
        let contract = try #require(Self.frozen["\(group)/\(version)"])
        let service = try #require(contract.services.first)
        #expect(group.serviceName(version) == "\(contract.package).\(service.name)")
        #expect(group.socketName(version) == contract.pipe)
        #expect(group.rows(version).map(\.method).sorted() == service.methods.map(\.name).sorted())
    }

    /// The rows and the client speak with the messages of another version; these are the pairs.
    static let shared: [(APIGroup, String, String)] = [
        (.disk, "v1beta3", "v1"), (.disk, "v1alpha1", "v1beta2"), (.disk, "v1beta1", "v1beta2"),
        (.volume, "v1beta3", "v1"), (.volume, "v2alpha1", "v1"), (.volume, "v1alpha1", "v1beta2"),
        (.volume, "v1beta1", "v1beta2"),
        (.filesystem, "v1beta2", "v1"), (.filesystem, "v2alpha1", "v1"), (.filesystem, "v1alpha1", "v1beta1"),
        (.smb, "v1beta2", "v1"), (.smb, "v1alpha1", "v1beta1"), (.iscsi, "v1alpha1", "v1alpha2"),
    ]

    @Test(arguments: shared) func versionsThatShareRowsAreTheSameOnTheWire(
        _ group: APIGroup, _ version: String, _ model: String
    ) throws {
        let (a, b) = (try #require(Self.frozen["\(group)/\(version)"]), try #require(Self.frozen["\(group)/\(model)"]))
        let methods = try #require(b.services.first).methods
        var compared = 0
        for method in try #require(a.services.first).methods {
            // Methods that only one of the two has are rows of their own.
            guard let other = methods.first(where: { $0.name == method.name }) else { continue }
            let shapes = (try a.shape(method.request), try a.shape(method.response))
            let others = (try b.shape(other.request), try b.shape(other.response))
            #expect(shapes == others, "\(method.name)")
            compared += 1
        }
        #expect(compared >= min(3, methods.count))
    }

    @Test func versionsAreOrderedAsCSIProxyOrdersThem() {
        let ordered = ["v1alpha1", "v1beta1", "v1beta2", "v1", "v2alpha7", "v2beta8", "v7beta12", "v7", "v8alpha1"]
        #expect(ordered.reversed().compactMap(APIVersion.init).sorted().map(\.description) == ordered)
        for text in ["1", "v0", "v2alpha0", "whatever", "", "v", "v01", "v1beta", "v1gamma1", "v1alpha1x", "v-1"] {
            #expect(APIVersion(text) == nil, "\(text)")
        }
    }
}
