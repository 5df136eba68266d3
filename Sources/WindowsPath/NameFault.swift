// SPDX-License-Identifier: Apache-2.0

/// Why a text is no name of a file or directory. Offsets count units from the start of the name given.
public enum NameFault: Error, Sendable, Hashable {
    case empty
    /// "." or ".."
    case dots
    /// One of `" * / < > ? \ |`.
    case forbidden(UInt16, at: Int)
    /// 0 to 31. In the name of a stream only 0 is refused.
    case control(UInt16, at: Int)
    /// Half of a surrogate pair. NTFS would take it, but the name would have no text.
    case unpairedSurrogate(UInt16, at: Int)
    /// More than 255 units, before the first colon or in the name of the stream.
    case tooLong(units: Int)
    /// Win32 would leave the dot or blank away. A verbatim path may have it.
    case endsInDotOrBlank
    /// Win32 would open a device. A verbatim path may have it.
    case device
    /// A colon, where no stream may be named.
    case stream(at: Int)
    /// `a:` or `a::`: neither a stream nor a type of stream is named.
    case emptyStream
    /// `a:b:c`: no type that NTFS has.
    case unknownStreamType
}
