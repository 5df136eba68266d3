// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Testing

@Suite struct StorageErrorTests {
    @Test func isOneSentence() {
        #expect("\(StorageError(.notFound, "no such disk"))" == "no such disk")
        #expect("\(StorageError(.busy, "in use", operation: "mount volume"))" == "mount volume: in use")
        #expect("\(StorageError(.busy, "in use", subject: "/x"))" == "/x: in use")
        #expect(
            "\(StorageError(.busy, "in use", operation: "mount volume", subject: "/x"))" == "mount volume /x: in use")
    }

    @Test func namesItsCause() {
        let call = StorageError.Cause.systemCall("umount2", errno: 16, text: "Device or resource busy")
        #expect(
            "\(StorageError(.busy, "in use", cause: call))" == "in use (umount2: Device or resource busy, errno 16)")
        let program = StorageError.Cause.program("mkfs.xfs", status: 1, output: "bad superblock")
        #expect(
            "\(StorageError(.internalError, "failed", cause: program))" == "failed (mkfs.xfs: status 1: bad superblock)"
        )
        #expect("\(StorageError.Cause.program("fsck", status: 8, output: ""))" == "fsck: status 8")
    }

    @Test func keepsTheFirstOperationAndSubjectSaidOfIt() {
        let bare = StorageError(.notFound, "gone")
        #expect(bare.during("mount volume", "/x").description == "mount volume /x: gone")
        #expect(bare.during("mount volume").subject.isEmpty)
        let said = bare.during("read table", "/dev/sda").during("mount volume", "/x")
        #expect(said.operation == "read table" && said.subject == "/dev/sda")
        #expect(bare.during("a").during("b", "/x").description == "a /x: gone")
    }
}
