//! A disk in memory that loses power on command, and with it whatever was not synced. For tests.
//!
//! The model is stricter than common file systems. Until its file is synced, a file's content may come back as any earlier content, empty, cut
//! short, or with sectors of zeros. Until its folder is synced, each name in it may lead to anything it has led to since the last sync, or to
//! nothing if it did not exist then; names are independent of each other, so of a rename any half may survive.
//!
//! Power goes off *before* a chosen step; from then on every call fails. [`SimulatedDisk::crash`] gives one of the possible disks after that, by
//! seed; it can be asked for many.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Disk, Reading, Stat, Writing};

/// What disks lose content by: a sector is written whole or not at all.
const SECTOR: usize = 512;

/// A step that changes the disk or makes it durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// [`Disk::create_folder`]
    CreateFolder,
    /// [`Disk::create_file`]
    CreateFile,
    /// [`Writing::write_at`]
    Write,
    /// [`Writing::sync`]
    SyncFile,
    /// [`Disk::link`]
    Link,
    /// [`Disk::rename`]
    Rename,
    /// [`Disk::sync_folder`]
    SyncFolder,
    /// [`Disk::remove_file`]
    Remove,
}

/// A mistake put in on purpose, to see that tests find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Syncing a folder does nothing.
    SkipFolderSync,
    /// Syncing a file does nothing.
    SkipFileSync,
    /// A file is synced only after it got its final name.
    NameBeforeSync,
}

/// A disk in memory.
#[derive(Debug, Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Files and folders by number; the first is the top folder. Names lead to numbers, so that a file can have several.
    nodes: Vec<Node>,
    steps: u64,
    power_off_at: Option<u64>,
    mistake: Option<Mistake>,
    failures: Vec<(Step, io::ErrorKind)>,
}

#[derive(Debug, Clone)]
enum Node {
    File(File),
    Folder(Folder),
}

#[derive(Debug, Clone, Default)]
struct File {
    content: Vec<u8>,
    durable: Vec<u8>,
    modified: u64,
}

#[derive(Debug, Clone, Default)]
struct Folder {
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    /// What became of names since the last sync, in order.
    changes: Vec<(String, Option<usize>)>,
}

impl Folder {
    fn set(&mut self, name: &str, to: Option<usize>) {
        match to {
            Some(node) => self.names.insert(name.to_string(), node),
            None => self.names.remove(name),
        };
        self.changes.push((name.to_string(), to));
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::with_nodes(vec![Node::Folder(Folder::default())])
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn with_nodes(nodes: Vec<Node>) -> Self {
        Self { state: Arc::new(Mutex::new(State { nodes, steps: 0, power_off_at: None, mistake: None, failures: Vec::new() })) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Steps done so far.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The power goes off when this many steps are done.
    pub fn cut_power_after(&self, steps: u64) {
        self.state().power_off_at = Some(steps);
    }

    /// Puts a mistake in.
    pub fn make_mistake(&self, mistake: Mistake) {
        self.state().mistake = Some(mistake);
    }

    /// The next step of this kind fails with this error and does nothing.
    pub fn fail_next(&self, step: Step, error: io::ErrorKind) {
        self.state().failures.push((step, error));
    }

    /// One of the disks that can be found when the power comes back; this one stays as it is.
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut after = Vec::new();
        survive(&state.nodes, 0, &mut rng, &mut after, &mut HashMap::new());
        Self::with_nodes(after)
    }
}

/// Copies what survives of a node, and of all that it leads to.
fn survive(before: &[Node], number: usize, rng: &mut StdRng, after: &mut Vec<Node>, copied: &mut HashMap<usize, usize>) -> usize {
    if let Some(&copy) = copied.get(&number) {
        return copy;
    }
    let copy = after.len();
    copied.insert(number, copy);
    match &before[number] {
        Node::File(file) => {
            let content = surviving_content(file, rng);
            after.push(Node::File(File { durable: content.clone(), content, modified: file.modified }));
        }
        Node::Folder(folder) => {
            after.push(Node::Folder(Folder::default()));
            let mut names = BTreeMap::new();
            for (name, node) in surviving_names(folder, rng) {
                names.insert(name, survive(before, node, rng, after, copied));
            }
            after[copy] = Node::Folder(Folder { durable: names.clone(), names, changes: Vec::new() });
        }
    }
    copy
}

fn surviving_names(folder: &Folder, rng: &mut StdRng) -> BTreeMap<String, usize> {
    let mut history: BTreeMap<&str, Vec<Option<usize>>> = BTreeMap::new();
    for (name, to) in &folder.changes {
        history.entry(name).or_insert_with(|| vec![folder.durable.get(name).copied()]).push(*to);
    }
    let mut names = folder.durable.clone();
    for (name, states) in history {
        match states[rng.random_range(0..states.len())] {
            Some(node) => names.insert(name.to_string(), node),
            None => names.remove(name),
        };
    }
    names
}

fn surviving_content(file: &File, rng: &mut StdRng) -> Vec<u8> {
    if file.content == file.durable {
        return file.content.clone();
    }
    match rng.random_range(0..5) {
        0 => file.durable.clone(),
        1 => Vec::new(),
        2 => file.content[..rng.random_range(0..=file.content.len())].to_vec(),
        3 => file.content.clone(),
        _ => {
            let mut content = file.content.clone();
            for sector in content.chunks_mut(SECTOR) {
                if rng.random_bool(0.5) {
                    sector.fill(0);
                }
            }
            content
        }
    }
}

fn error(kind: io::ErrorKind) -> io::Error {
    kind.into()
}

impl State {
    fn powered(&self) -> io::Result<()> {
        match self.power_off_at {
            Some(at) if self.steps >= at => Err(io::Error::other("the power is off")),
            _ => Ok(()),
        }
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        self.powered()?;
        if let Some(at) = self.failures.iter().position(|(failing, _)| *failing == step) {
            return Err(error(self.failures.remove(at).1));
        }
        self.steps += 1;
        Ok(())
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut at = 0;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            let name = name.to_str().ok_or_else(|| error(io::ErrorKind::InvalidFilename))?;
            let Node::Folder(folder) = &self.nodes[at] else { return Err(error(io::ErrorKind::NotADirectory)) };
            at = *folder.names.get(name).ok_or_else(|| error(io::ErrorKind::NotFound))?;
        }
        Ok(at)
    }

    /// The folder that a path's last name is in, and that name.
    fn parent<'a>(&mut self, path: &'a Path) -> io::Result<(&mut Folder, &'a str)> {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| error(io::ErrorKind::AlreadyExists))?;
        let above = self.find(path.parent().unwrap_or(path))?;
        match &mut self.nodes[above] {
            Node::Folder(folder) => Ok((folder, name)),
            Node::File(_) => Err(error(io::ErrorKind::NotADirectory)),
        }
    }

    /// Gives a new name to a node.
    fn add(&mut self, path: &Path, node: usize) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        if folder.names.contains_key(name) {
            return Err(error(io::ErrorKind::AlreadyExists));
        }
        folder.set(name, Some(node));
        Ok(())
    }

    fn file(&mut self, number: usize) -> io::Result<&mut File> {
        match &mut self.nodes[number] {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(error(io::ErrorKind::IsADirectory)),
        }
    }

    fn create(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let number = self.nodes.len();
        self.add(path, number)?;
        self.nodes.push(node);
        Ok(number)
    }

    fn sync_file(&mut self, number: usize) -> io::Result<()> {
        let file = self.file(number)?;
        file.durable = file.content.clone();
        Ok(())
    }

    /// What the mistake of syncing too late does once a name was given.
    fn sync_late(&mut self, number: usize) -> io::Result<()> {
        if self.mistake == Some(Mistake::NameBeforeSync) {
            self.step(Step::SyncFile)?;
            self.sync_file(number)?;
        }
        Ok(())
    }

    fn stat(&self, number: usize) -> Stat {
        let (is_folder, length, modified) = match &self.nodes[number] {
            Node::File(file) => (false, file.content.len() as u64, file.modified),
            Node::Folder(_) => (true, 0, 0),
        };
        Stat { is_folder, length, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(modified) }
    }
}

impl Disk for SimulatedDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step(Step::CreateFolder)?;
        state.create(path, Node::Folder(Folder::default())).map(drop)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn Writing>> {
        let mut state = self.state();
        state.step(Step::CreateFile)?;
        let modified = state.steps;
        let number = state.create(path, Node::File(File { modified, ..File::default() }))?;
        Ok(Box::new(OpenFile { disk: self.clone(), number }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step(Step::Link)?;
        let number = state.find(from)?;
        state.add(to, number)?;
        state.sync_late(number)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step(Step::Rename)?;
        let number = state.find(from)?;
        let (folder, name) = state.parent(to)?;
        folder.set(name, Some(number));
        let (folder, name) = state.parent(from)?;
        folder.set(name, None);
        state.sync_late(number)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step(Step::SyncFolder)?;
        let number = state.find(path)?;
        let skip = state.mistake == Some(Mistake::SkipFolderSync);
        match &mut state.nodes[number] {
            _ if skip => {}
            Node::Folder(folder) => {
                folder.durable = folder.names.clone();
                folder.changes.clear();
            }
            Node::File(_) => return Err(error(io::ErrorKind::NotADirectory)),
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step(Step::Remove)?;
        let number = state.find(path)?;
        state.file(number)?;
        let (folder, name) = state.parent(path)?;
        folder.set(name, None);
        Ok(())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Reading>> {
        let state = self.state();
        state.powered()?;
        let number = state.find(path)?;
        drop(state);
        Ok(Box::new(OpenFile { disk: self.clone(), number }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let state = self.state();
        state.powered()?;
        Ok(state.stat(state.find(path)?))
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.powered()?;
        match &state.nodes[state.find(folder)?] {
            Node::Folder(folder) => Ok(folder.names.keys().cloned().collect()),
            Node::File(_) => Err(error(io::ErrorKind::NotADirectory)),
        }
    }
}

/// A file of the disk, for reading or writing.
#[derive(Debug)]
struct OpenFile {
    disk: SimulatedDisk,
    number: usize,
}

impl Writing for OpenFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step(Step::Write)?;
        let file = state.file(self.number)?;
        let start = offset as usize;
        if file.content.len() < start + bytes.len() {
            file.content.resize(start + bytes.len(), 0);
        }
        file.content[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step(Step::SyncFile)?;
        match state.mistake {
            Some(Mistake::SkipFileSync | Mistake::NameBeforeSync) => Ok(()),
            _ => state.sync_file(self.number),
        }
    }
}

impl Reading for OpenFile {
    fn stat(&self) -> io::Result<Stat> {
        let state = self.disk.state();
        state.powered()?;
        Ok(state.stat(self.number))
    }

    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.powered()?;
        let content = &state.file(self.number)?.content;
        let start = offset as usize;
        let wanted = content.get(start..start + buffer.len()).ok_or_else(|| error(io::ErrorKind::UnexpectedEof))?;
        buffer.copy_from_slice(wanted);
        Ok(())
    }

    fn into_file(self: Box<Self>) -> Result<std::fs::File, Box<dyn Reading>> {
        Err(self)
    }
}
