"""Whether a file is on a disk of this machine."""

import os
import re
from pathlib import Path

NETWORK = (
    *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "9p"),
    *("lustre", "gpfs", "beegfs", "fhgfs", "ceph", "glusterfs", "orangefs", "pvfs2", "gfs", "gfs2", "ocfs2"),
    *("fuse.sshfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.glusterfs", "fuse.juicefs", "fuse.mfs"),
    *("fuse.gcsfuse", "fuse.goofys", "fuse.rclone", "fuse.s3fs"),
)
"""Kinds of file systems, as Linux calls them, that several machines share."""
MOUNTS = Path("/proc/mounts")


def network_disk(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of the file system that a file is on, or will be, where it is one of a network; None where it is not.

    Elsewhere than on Linux nobody can tell: None.

    Example:
        >>> import tempfile
        >>> table = Path(tempfile.mkdtemp()) / "mounts"
        >>> _ = table.write_text("/dev/sda / ext4 rw 0 0\\nserver:/home /home nfs4 rw 0 0\\n")
        >>> network_disk(Path("/home/me/study.journal"), table), network_disk(Path("/homes/x"), table)
        ('nfs4', None)
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, kind, deepest = Path(os.path.realpath(path)), None, -1
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # Blanks and the like are written as \040.
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1]))
        if (place == point or point in place.parents) and len(point.parts) >= deepest:
            kind, deepest = fields[2], len(point.parts)
    return kind if kind in NETWORK else None
