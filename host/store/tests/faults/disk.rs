//! A disk that fails at a chosen place: a SQLite VFS over the usual one, the default of this process.
//!
//! It counts writes and syncs, keeps what each write since the last sync of its file
//! replaced, and can so take back what a power cut would. `sqlite-plugin` would have
//! meant to write file locks and shared memory anew; here both are SQLite's own, and
//! only what goes to the disk passes through.

#![allow(unsafe_code, reason = "a VFS is a table of C functions; each block says why it holds")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Half of a write is done, then nothing more is.
    TornWrite,
    /// At a write the power goes, and all that was not synced with it.
    PowerCut,
    /// The same, but the disk had written every second of those writes.
    PowerCutOutOfOrder,
    /// A sync fails, and what it should have kept is gone; then all is well.
    SyncFails,
    /// A write finds no room; then there is some.
    FullOnce,
    /// No write finds room any more.
    Full,
}

impl Fault {
    /// Whether all is well after it.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::SyncFails | Self::FullOnce)
    }

    /// Fewer places than this, and the test does not test what it says.
    pub(crate) fn places_min(self) -> u64 {
        if self == Self::SyncFails { 12 } else { 100 }
    }
}

/// The process's disk.
pub(crate) struct Disk(());

#[derive(Default)]
struct Plan {
    fault: Option<Fault>,
    /// How many places it passes before it happens.
    left: u64,
    happened: bool,
    /// Nothing is written any more.
    dead: bool,
    full: bool,
    /// What writes replaced since the last sync of their file.
    unsynced: BTreeMap<PathBuf, Vec<Replaced>>,
}

/// What stood where a write went.
struct Replaced {
    at: u64,
    bytes: Vec<u8>,
    /// The length of the file before.
    length: u64,
}

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);

fn plan() -> MutexGuard<'static, Option<Plan>> {
    PLAN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Puts this disk under every database that is opened from now on.
    pub(crate) fn take() -> Self {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(register);
        Self(())
    }

    /// From now on this happens, at the place with this number.
    pub(crate) fn fail(&self, fault: Fault, place: u64) {
        *plan() = Some(Plan { fault: Some(fault), left: place, ..Plan::default() });
    }

    /// From now on nothing happens. Says whether it had.
    pub(crate) fn mend(&self) -> bool {
        plan().take().is_some_and(|plan| plan.happened)
    }
}

impl Plan {
    /// Counts a place of a fault; says whether it is the one.
    fn is_due(&mut self, faults: &[Fault]) -> Option<Fault> {
        let fault = self.fault.filter(|fault| faults.contains(fault) && !self.happened)?;
        if self.left > 0 {
            self.left -= 1;
            return None;
        }
        self.happened = true;
        Some(fault)
    }

    /// Takes back writes that no sync has kept: all, or every second.
    fn cut(&mut self, every: usize) {
        for (path, writes) in std::mem::take(&mut self.unsynced) {
            let Ok(file) = OpenOptions::new().write(true).open(path) else { continue };
            for (number, replaced) in writes.iter().enumerate().rev() {
                if number % every == 0 {
                    file.write_all_at(&replaced.bytes, replaced.at).unwrap();
                    if every == 1 {
                        file.set_len(replaced.length).unwrap();
                    }
                }
            }
        }
        self.dead = true;
    }
}

/// Our file: the methods that SQLite calls, the path, and behind it the file of the usual VFS.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    path: *mut PathBuf,
}

/// The usual VFS's part of a file of ours.
///
/// # Safety
/// `file` was opened by [`open`] and is not closed.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` of our VFS has room for ours and the usual one behind it, and the
    // size of ours is a multiple of a pointer's alignment.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Calls a method of the usual VFS's file.
macro_rules! pass {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls methods on open files alone; the usual VFS has all of them.
        unsafe {
            let real = real($file);
            ((*(*real).pMethods).$method.unwrap())(real $(, $argument)*)
        }
    }};
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let code = pass!(file, xClose);
    // SAFETY: made by `Box::into_raw` in `open`; SQLite closes a file once.
    drop(unsafe { Box::from_raw((*file.cast::<File>()).path) });
    code
}

unsafe extern "C" fn read(f: *mut ffi::sqlite3_file, to: *mut c_void, n: c_int, at: i64) -> c_int {
    pass!(f, xRead, to, n, at)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: i64,
) -> c_int {
    let mut guard = plan();
    let Some(plan) = guard.as_mut() else { return pass!(file, xWrite, from, amount, at) };
    if plan.dead {
        return ffi::SQLITE_IOERR_WRITE;
    }
    if plan.full {
        return ffi::SQLITE_FULL;
    }
    let faults = [
        Fault::TornWrite,
        Fault::PowerCut,
        Fault::PowerCutOutOfOrder,
        Fault::FullOnce,
        Fault::Full,
    ];
    match plan.is_due(&faults) {
        Some(Fault::TornWrite) => {
            plan.dead = true;
            pass!(file, xWrite, from, amount / 2, at);
            return ffi::SQLITE_IOERR_WRITE;
        }
        Some(Fault::PowerCut) => {
            plan.cut(1);
            return ffi::SQLITE_IOERR_WRITE;
        }
        Some(Fault::PowerCutOutOfOrder) => {
            plan.cut(2);
            return ffi::SQLITE_IOERR_WRITE;
        }
        Some(Fault::Full) => {
            plan.full = true;
            return ffi::SQLITE_FULL;
        }
        Some(_) => return ffi::SQLITE_FULL,
        None => {}
    }
    let mut length = 0;
    pass!(file, xFileSize, &mut length);
    let kept = (length - at).clamp(0, i64::from(amount));
    let mut bytes = vec![0_u8; usize::try_from(kept).unwrap()];
    pass!(file, xRead, bytes.as_mut_ptr().cast(), kept as c_int, at);
    // SAFETY: `path` is a live box until `close`.
    let path = unsafe { (*(*file.cast::<File>()).path).clone() };
    let (at_byte, length) = (at.cast_unsigned(), length.cast_unsigned());
    plan.unsynced.entry(path).or_default().push(Replaced { at: at_byte, bytes, length });
    pass!(file, xWrite, from, amount, at)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    if plan().as_ref().is_some_and(|plan| plan.dead) {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    pass!(file, xTruncate, size)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let mut guard = plan();
    let Some(plan) = guard.as_mut() else { return pass!(file, xSync, flags) };
    if plan.dead {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    // SAFETY: `path` is a live box until `close`.
    let path = unsafe { (*(*file.cast::<File>()).path).clone() };
    let writes = plan.unsynced.remove(&path).unwrap_or_default();
    if plan.is_due(&[Fault::SyncFails]).is_some() {
        for replaced in writes.iter().rev() {
            let (bytes, at) = (&replaced.bytes, replaced.at.cast_signed());
            pass!(file, xWrite, bytes.as_ptr().cast(), bytes.len() as c_int, at);
        }
        return ffi::SQLITE_IOERR_FSYNC;
    }
    // Nothing is gained by really waiting for the disk below.
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    pass!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, level)
}

unsafe extern "C" fn check_lock(file: *mut ffi::sqlite3_file, held: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, held)
}

unsafe extern "C" fn control(file: *mut ffi::sqlite3_file, op: c_int, what: *mut c_void) -> c_int {
    pass!(file, xFileControl, op, what)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    to: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, page, size, extend, to)
}

unsafe extern "C" fn shm_lock(f: *mut ffi::sqlite3_file, at: c_int, n: c_int, how: c_int) -> c_int {
    pass!(f, xShmLock, at, n, how)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass!(file, xShmBarrier)
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // 2 has shared memory, and not yet pages that are mapped past us.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_lock),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The usual VFS, which ours keeps as its data.
///
/// # Safety
/// `vfs` is the one that [`register`] made.
unsafe fn usual(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: see `register`.
    unsafe { (*vfs).pAppData.cast() }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    got: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for `szOsFile` bytes and a name that lives as long as the
    // file (or none); `pMethods` must be set, to null where opening fails.
    unsafe {
        (*file).pMethods = null();
        let usual = usual(vfs);
        let code = ((*usual).xOpen.unwrap())(usual, name, real(file), flags, got);
        if code == ffi::SQLITE_OK {
            let path = match name.is_null() {
                true => PathBuf::from("nameless"),
                false => PathBuf::from(CStr::from_ptr(name).to_str().unwrap()),
            };
            (*file.cast::<File>()).path = Box::into_raw(Box::new(path));
            (*file).pMethods = &METHODS;
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    if plan().as_ref().is_some_and(|plan| plan.dead) {
        return ffi::SQLITE_IOERR_DELETE;
    }
    // SAFETY: passed on as it came.
    unsafe { ((*usual(vfs)).xDelete.unwrap())(usual(vfs), name, sync) }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: passed on as it came.
    unsafe { ((*usual(vfs)).xAccess.unwrap())(usual(vfs), name, flags, found) }
}

unsafe extern "C" fn full_name(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    to: *mut c_char,
) -> c_int {
    // SAFETY: passed on as it came.
    unsafe { ((*usual(vfs)).xFullPathname.unwrap())(usual(vfs), name, room, to) }
}

/// Makes our VFS the default of the process.
fn register() {
    // SAFETY: SQLite is initialised by the first look for a VFS; the usual one lives for
    // ever, and so does ours, which is leaked. What is copied from the usual one does not
    // use the VFS it is called with (`os_unix.c`); the rest passes through above.
    unsafe {
        assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK);
        let usual = ffi::sqlite3_vfs_find(null());
        assert!(!usual.is_null());
        let ours = ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: size_of::<File>() as c_int + (*usual).szOsFile,
            pNext: null_mut(),
            zName: c"faults".as_ptr(),
            pAppData: usual.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_name),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
            ..*usual
        };
        assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 1), ffi::SQLITE_OK);
    }
}
