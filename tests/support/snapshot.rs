//! The files of a folder, as they were.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The files under a folder, to be put back later or elsewhere.
#[derive(PartialEq, Eq)]
pub struct Snapshot(Vec<(PathBuf, u32, Option<Vec<u8>>)>);

impl Snapshot {
    pub fn of(folder: &Path) -> Self {
        fn walk(folder: &Path, at: &Path, files: &mut Vec<(PathBuf, u32, Option<Vec<u8>>)>) {
            for entry in fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                let name = path.strip_prefix(folder).unwrap().to_owned();
                if path.is_dir() {
                    files.push((name, mode, None));
                    walk(folder, &path, files);
                } else {
                    files.push((name, mode, Some(fs::read(&path).unwrap())));
                }
            }
        }
        let mut files = Vec::new();
        walk(folder, folder, &mut files);
        files.sort();
        Self(files)
    }

    /// Whether the same files have the same contents.
    pub fn same(&self, other: &Self) -> bool {
        let sorted = |snapshot: &Self| {
            let mut files = snapshot.0.clone();
            files.sort();
            files
        };
        sorted(self) == sorted(other)
    }

    /// Makes `folder` hold these files and no others.
    pub fn restore(&self, folder: &Path) {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        for (name, mode, content) in &self.0 {
            let path = folder.join(name);
            match content {
                Some(content) => fs::write(&path, content).unwrap(),
                None => fs::create_dir(&path).unwrap(),
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
        }
    }
}
