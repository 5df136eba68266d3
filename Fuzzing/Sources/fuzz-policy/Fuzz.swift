// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess
import StorageVersions

/// libFuzzer calls this with each input, the text of a policy file.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = Array(UnsafeBufferPointer(start: bytes, count: count))
    do throws(PolicyFaults) {
        PolicyInvariants.check(try AccessPolicy(yaml: text, methods: methods, names: accounts))
    } catch {
        PolicyInvariants.check(error)
    }
    return 0
}

private let accounts = AccountNames(uid: { $0 == "root" ? 0 : nil }, gid: { $0 == "csi" ? 7 : nil })

/// A few methods of each group.
let methods: MethodCatalogue = APIGroup.allCases.flatMap { group in
    group.versions.flatMap { version in
        ["MountVolume", "GetDiskStats", "Rmdir"].map { MethodName(group: group, version: version, name: $0) }
    }
}
