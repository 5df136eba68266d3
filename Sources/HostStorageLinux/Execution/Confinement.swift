// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage

/// A view of the machine with one block device alone, for the tool that works on it. Some tools look at every device
/// that they find in /dev, and would wait for one that hangs; and no tool may reach another volume's data by mistake.
///
/// It is a mount namespace with a /dev of its own, which `nsenter` (util-linux) starts the tool in. It has the system's
/// programs, /proc and /sys, and no other mounts: so it keeps no volume busy, and the tool meets no mount whose server
/// is gone.
final class Confinement: Sendable {
    private let namespace: Descriptor
    /// Keeps the device from others for tools that open it without O_EXCL.
    private let claim: Descriptor?
    private let launcher: ChildProgram

    /// The device's path in every view of its own.
    static func path(of device: VolumeDevice) -> String { "/dev/\(name(of: device))" }

    private static func name(of device: VolumeDevice) -> String {
        device.path.split(separator: "/").last.map(String.init) ?? device.name
    }

    private init(_ device: VolumeDevice, claiming: Bool) throws(StorageError) {
        launcher = try ChildProgram("nsenter", package: "util-linux")
        claim = claiming ? try Descriptor.claim(device, O_RDONLY) : nil
        let result = cls_confine(device.path, Self.name(of: device), device.device.major, device.device.minor)
        namespace = Descriptor(
            owning: try check(result, "making a mount namespace for a tool that works on it", device.path))
    }

    /// - Parameter device: open, so that its number cannot pass to another device.
    static func make(on device: VolumeDevice, claiming: Bool) async throws(StorageError) -> Confinement {
        let result: Result<Confinement, StorageError> = await withCheckedContinuation { continuation in
            // A thread of its own: it reads the kernel's mount table, whose lock another thread may hold.
            DispatchQueue(label: "host-storage.confinement").async {
                do throws(StorageError) {
                    continuation.resume(returning: .success(try Confinement(device, claiming: claiming)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// How a program is started in it.
    func command(_ program: String, _ arguments: [String]) -> (program: String, words: [String]) {
        (launcher.path, ["--mount=/proc/\(getpid())/fd/\(namespace.raw)", "--", program] + arguments)
    }
}
