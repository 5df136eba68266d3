// SPDX-License-Identifier: Apache-2.0

/// What can be done with directories and links of a host.
public protocol FilesystemOperations<Path>: Sendable {
    associatedtype Path

    /// Whether anything is at `path`. A link is not followed: one whose target is gone exists.
    func pathExists(_ path: Path) async throws(StorageError) -> Bool

    /// Makes the directory and its missing parents, mode 0755. A directory that exists is success.
    func makeDirectory(_ path: Path) async throws(StorageError)

    /// Removes a file, a link or an empty directory; with `force` also a tree, and a missing path is
    /// success.
    ///
    /// Forced removal of a mount point unmounts it and removes the empty directory below: the volume's
    /// data stay. Removal of a tree neither follows a link nor crosses a mount; a mount inside the tree
    /// fails it with ``StorageError/Code/busy``. A root itself is never removed.
    func remove(_ path: Path, force: Bool) async throws(StorageError)

    /// Removes everything in a directory and keeps the directory, under the same rules.
    func removeContents(of path: Path) async throws(StorageError)

    /// Makes `link`, a symbolic link to `target`. The target need not exist; anything that exists at
    /// `link` is ``StorageError/Code/alreadyExists``.
    func createSymlink(at link: Path, to target: Path) async throws(StorageError)

    /// Whether `path` is a link whose immediate target exists, or a mount point. A missing path is
    /// ``StorageError/Code/notFound``.
    func isSymlink(_ path: Path) async throws(StorageError) -> Bool
}
