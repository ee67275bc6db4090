//! 凭证 A proof that anyone can check without this database: the evidence, its place in the chain, and the operator's
//! signature over both. It is handed out alone as JSON, and inside the order slip, a PDF that is signed as a whole.

use serde::{Deserialize, Serialize};

use super::chain;
use super::evidence::Evidence;
use super::key::{PublicKey, SigningKey, is_signed};
use super::signature::Strokes;
use crate::order::agreement::{Agreement, AgreementId};
use crate::subscriber::Msisdn;

/// What a proof says it is.
pub const FORMAT: &str = "mingbai-evidence/1";
/// What begins the last line of a slip, a comment to a reader of PDF: the place and length of the proof in the file, the
/// key, and its signature over everything before the signature.
const SEAL: &[u8] = b"\n%mingbai-slip/1 ";
/// Longest seal, in bytes.
const SEAL_BYTES_MAX: usize = 300;
const PDF: &[u8] = b"%PDF-";
/// Longest file that is looked at, in bytes.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything that is signed, in this order and without white space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub format: String,
    pub msisdn: String,
    /// `None`: it is no order but a cap that was raised, or a family bill.
    pub order_id: Option<i64>,
    /// The evidence, byte for byte as it was hashed.
    pub evidence: String,
    /// What was drawn as a signature, byte for byte as its digest in the evidence was taken.
    pub strokes: Option<String>,
    /// Hexadecimal SHA-256 of the row before in the subscriber's chain; `None` for the first.
    pub previous_hash: Option<String>,
    /// Hexadecimal SHA-256 over the hash before and the evidence.
    pub hash: String,
    /// The hexadecimal Ed25519 key that signed.
    pub key: String,
}

/// A proof with the signature over its canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedProof {
    proof: Proof,
    signature: String,
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    pub proof: Proof,
    pub evidence: Evidence,
    pub strokes: Option<Strokes>,
    /// The file is a slip, and nothing that it shows was changed either.
    pub is_slip: bool,
}

/// Why a file proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    #[error("this is neither an order slip nor a proof, or it was cut or changed")]
    Unreadable,
    #[error("the file was changed after the operator signed it")]
    WrongSignature,
    #[error("it was signed by another key than the operator's")]
    OtherKey,
    #[error("the hash is not that of the evidence and the row before it")]
    WrongHash,
    #[error("the evidence does not say what evidence must say")]
    WrongEvidence,
    #[error("the signature that was drawn is not the one in the evidence")]
    OtherStrokes,
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The signed proof of an agreement, as a file of its own.
pub fn write(agreement: &Agreement, msisdn: &Msisdn, key: &SigningKey) -> Vec<u8> {
    let proof = Proof {
        format: FORMAT.to_owned(),
        msisdn: msisdn.to_string(),
        order_id: match agreement.id {
            AgreementId::Order(order_id) => Some(order_id),
            AgreementId::Cap(_) | AgreementId::Family(_) => None,
        },
        evidence: agreement.evidence_json.clone(),
        strokes: agreement.strokes.as_ref().map(Strokes::canonical),
        previous_hash: agreement.previous_hash.clone(),
        hash: agreement.hash.clone(),
        key: key.public_hex(),
    };
    let signature = hex::encode(key.sign(&json(&proof)));
    json(&SignedProof { proof, signature })
}

/// Signs a slip that holds its proof, as it is, in one place. `None`: it does not.
pub fn seal(mut slip: Vec<u8>, proof: &[u8], key: &SigningKey) -> Option<Vec<u8>> {
    let found: Vec<usize> =
        slip.windows(proof.len()).enumerate().filter_map(|(at, bytes)| (bytes == proof).then_some(at)).collect();
    let [at] = found[..] else { return None };
    slip.extend_from_slice(SEAL);
    slip.extend_from_slice(format!("{at} {} {} ", proof.len(), key.public_hex()).as_bytes());
    let signature = hex::encode(key.sign(&slip));
    slip.extend_from_slice(signature.as_bytes());
    slip.push(b'\n');
    Some(slip)
}

/// Checks a downloaded file by itself. `key`: the operator's, where it is known; without one the file can only be compared
/// with the key that it names.
///
/// # Errors
/// What is wrong with it.
pub fn check(file: &[u8], key: Option<&PublicKey>) -> Result<Sound, Unsound> {
    if file.len() > FILE_BYTES_MAX {
        return Err(Unsound::Unreadable);
    }
    if file.starts_with(PDF) {
        let (proof, sealed_by) = open(file)?;
        let sound = check_proof(proof, key)?;
        if sound.proof.key != sealed_by {
            return Err(Unsound::OtherKey);
        }
        return Ok(Sound { is_slip: true, ..sound });
    }
    check_proof(file, key)
}

/// The proof in a slip whose seal is unbroken, and the key that sealed it.
fn open(file: &[u8]) -> Result<(&[u8], String), Unsound> {
    let tail_at = file.len().saturating_sub(SEAL_BYTES_MAX);
    let in_tail = file[tail_at..].windows(SEAL.len()).rposition(|bytes| bytes == SEAL).ok_or(Unsound::Unreadable)?;
    let fields_at = tail_at + in_tail + SEAL.len();
    let line = file[fields_at..].strip_suffix(b"\n").ok_or(Unsound::Unreadable)?;
    let line = std::str::from_utf8(line).map_err(|_| Unsound::Unreadable)?;
    let [at, length, key, signature] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(Unsound::Unreadable);
    };
    let signed = &file[..fields_at + line.len() - signature.len()];
    verify(key, signed, signature)?;
    let number = |text: &str| text.parse::<usize>().map_err(|_| Unsound::Unreadable);
    let (at, length) = (number(at)?, number(length)?);
    let end = at.checked_add(length).ok_or(Unsound::Unreadable)?;
    Ok((file.get(at..end).ok_or(Unsound::Unreadable)?, key.to_owned()))
}

fn check_proof(bytes: &[u8], key: Option<&PublicKey>) -> Result<Sound, Unsound> {
    let signed: SignedProof = serde_json::from_slice(bytes).map_err(|_| Unsound::Unreadable)?;
    // One way to write it: nothing can be changed that a reader of JSON would overlook.
    if json(&signed) != bytes || signed.proof.format != FORMAT {
        return Err(Unsound::Unreadable);
    }
    let SignedProof { proof, signature } = signed;
    verify(&proof.key, &json(&proof), &signature)?;
    if key.is_some_and(|key| hex::encode(key) != proof.key) {
        return Err(Unsound::OtherKey);
    }
    let previous = proof.previous_hash.as_deref().map(unhex::<32>).transpose()?;
    if chain::hash(previous.as_ref(), proof.evidence.as_bytes()) != unhex::<32>(&proof.hash)? {
        return Err(Unsound::WrongHash);
    }
    let evidence = Evidence::read(proof.evidence.as_bytes()).map_err(|_| Unsound::WrongEvidence)?;
    if proof.msisdn.parse::<Msisdn>().is_err() || !evidence.is_well_formed() {
        return Err(Unsound::WrongEvidence);
    }
    if (evidence.purpose == "order") != proof.order_id.is_some() {
        return Err(Unsound::WrongEvidence);
    }
    let first = evidence.seq == 1;
    if evidence.canonical() != proof.evidence.as_bytes() || evidence.seq < 1 || first != previous.is_none() {
        return Err(Unsound::WrongEvidence);
    }
    let strokes = proof.strokes.as_deref().map(Strokes::read).transpose().map_err(|_| Unsound::OtherStrokes)?;
    let digest = strokes.as_ref().map(|strokes| hex::encode(strokes.digest()));
    if digest != evidence.strokes_sha256 || strokes.as_ref().map(Strokes::canonical) != proof.strokes {
        return Err(Unsound::OtherStrokes);
    }
    Ok(Sound { proof, evidence, strokes, is_slip: false })
}

fn verify(key: &str, message: &[u8], signature: &str) -> Result<(), Unsound> {
    let (key, signature) = (unhex::<32>(key)?, unhex::<64>(signature)?);
    if is_signed(&key, message, &signature) { Ok(()) } else { Err(Unsound::WrongSignature) }
}

/// Bytes as this module writes them: small letters, so that there is one way.
fn unhex<const N: usize>(text: &str) -> Result<[u8; N], Unsound> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Unsound::Unreadable)?;
    if hex::encode(bytes) == text { Ok(bytes) } else { Err(Unsound::Unreadable) }
}

/// Reads a public key as it is published.
///
/// # Errors
/// When it is not 64 hexadecimal digits.
pub fn read_key(text: &str) -> Result<PublicKey, Unsound> {
    unhex(&text.trim().to_ascii_lowercase())
}
