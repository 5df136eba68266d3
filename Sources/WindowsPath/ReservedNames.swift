// SPDX-License-Identifier: Apache-2.0

extension WindowsPath {
    /// Whether a name behind the root is one that Win32 keeps for itself: a device, one that ends in a dot
    /// or a blank ("." and ".." aside), or one with a unit that no name holds.
    ///
    /// Source: `ntpath.isreserved` of Python 3.13, which also takes `conın$` for a device, with a dotless
    /// i whose upper case is I in Unicode but not on Windows.
    public var isReserved: Bool {
        names.contains { name in
            if case .name = Step(name) {
                name.last == .dot || name.last == .blank || name.contains { ForbiddenUnits.contains($0) }
                    || DeviceName.device(in: name) != nil
            } else {
                false
            }
        }
    }
}
