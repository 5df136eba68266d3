// SPDX-License-Identifier: Apache-2.0

extension Host {
    public func pathExists(_ path: String) async throws(StorageError) -> Bool {
        let path = try resolve(path, for: "look up path")
        return try await ask("look up path", "\(path)") { backend throws(StorageError) in
            try await backend.pathExists(path)
        }
    }

    public func makeDirectory(_ path: String) async throws(StorageError) {
        let path = try resolve(path, for: "make directory")
        try await change("make directory", "\(path)", keys: [key(of: path)]) { backend throws(StorageError) in
            try await backend.makeDirectory(path)
        }
    }

    public func remove(_ path: String, force: Bool) async throws(StorageError) {
        let name = force ? "remove with force" : "remove"
        let path = try resolve(path, for: name)
        try refuseRoot(path, for: name)
        try await change(name, "\(path)", keys: [key(of: path)]) { backend throws(StorageError) in
            try await backend.remove(path, force: force)
        }
    }

    public func removeContents(of path: String) async throws(StorageError) {
        let path = try resolve(path, for: "remove contents of")
        try refuseRoot(path, for: "remove contents of")
        try await change("remove contents of", "\(path)", keys: [key(of: path)]) { backend throws(StorageError) in
            try await backend.removeContents(of: path)
        }
    }

    public func createSymlink(at link: String, to target: String) async throws(StorageError) {
        let link = try resolve(link, for: "create symlink")
        let target = try resolve(target, for: "create symlink")
        try refuseRoot(link, for: "create symlink")
        try await change("create symlink", "\(link) to \(target)", keys: [key(of: link)]) {
            backend throws(StorageError) in
            try await backend.createSymlink(at: link, to: target)
        }
    }

    public func isSymlink(_ path: String) async throws(StorageError) -> Bool {
        let path = try resolve(path, driveless: .onDriveC, for: "look up link")
        return try await ask("look up link", "\(path)") { backend throws(StorageError) in
            try await backend.isSymlink(path)
        }
    }

    func refuseRoot(_ path: HostPath, for name: String) throws(StorageError) {
        guard !path.isRoot else {
            throw StorageError(
                .denied, "a working directory itself stays as it is", operation: name, subject: "\(path)")
        }
    }
}
