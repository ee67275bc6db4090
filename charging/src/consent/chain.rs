//! The hash chain of one subscriber's consents: each row holds the hash of its content and of the row before, so that
//! nothing can be altered, removed or put in between unnoticed.

use sha2::{Digest, Sha256};

use super::evidence::Evidence;

/// SHA-256 over the hash of the row before (nothing for the first) followed by the evidence.
pub fn hash(previous: Option<&[u8; 32]>, evidence: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    if let Some(previous) = previous {
        digest.update(previous);
    }
    digest.update(evidence);
    digest.finalize().into()
}

/// One row of a chain, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: i32,
    pub previous_hash: Option<[u8; 32]>,
    pub hash: [u8; 32],
    pub evidence: Vec<u8>,
}

/// The first thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    #[error("expected row {expected}, found row {found}")]
    Gap { expected: i32, found: i32 },
    #[error("row {0} does not name the row before it")]
    Unlinked(i32),
    #[error("the hash of row {0} is not that of its content")]
    WrongHash(i32),
    #[error("the evidence of row {0} is not readable, or is of another subscriber or row")]
    WrongEvidence(i32),
}

/// Checks a whole chain from its first row.
///
/// # Errors
/// Names the first row that is missing, not linked, not hashed right, or whose evidence names someone else.
pub fn verify(subscriber_id: i64, links: impl IntoIterator<Item = Link>) -> Result<(), BrokenChain> {
    let mut previous: Option<[u8; 32]> = None;
    for (expected, link) in (1..).zip(links) {
        if link.seq != expected {
            return Err(BrokenChain::Gap { expected, found: link.seq });
        }
        if link.previous_hash != previous {
            return Err(BrokenChain::Unlinked(link.seq));
        }
        if hash(previous.as_ref(), &link.evidence) != link.hash {
            return Err(BrokenChain::WrongHash(link.seq));
        }
        let named = Evidence::read(&link.evidence).map(|evidence| (evidence.subscriber_id, evidence.seq));
        if named != Ok((subscriber_id, link.seq)) {
            return Err(BrokenChain::WrongEvidence(link.seq));
        }
        previous = Some(link.hash);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Method, NewConsent, Subject};
    use super::*;

    fn chain(length: i32) -> Vec<Link> {
        let mut links: Vec<Link> = Vec::new();
        for seq in 1..=length {
            let consent = NewConsent {
                subscriber_id: 7,
                subject: Subject::Cap { cap: seq.into() },
                method: Method::SmsCode,
                channel_id: "web".to_owned(),
                asked_at: "2026-10-03T08:15:00+08:00".parse().unwrap(),
                agreed_at: "2026-10-03T08:16:00+08:00".parse().unwrap(),
                request_id: Some(1),
                reference: None,
                description: "流量封顶改为…".to_owned(),
                answer: "******".to_owned(),
            };
            let evidence = Evidence::new(&consent, seq).unwrap().canonical();
            let previous_hash = links.last().map(|link| link.hash);
            let hash = hash(previous_hash.as_ref(), &evidence);
            links.push(Link { seq, previous_hash, hash, evidence });
        }
        links
    }

    #[test]
    fn an_untouched_chain_holds() {
        for length in 0..5 {
            assert_eq!(verify(7, chain(length)), Ok(()));
        }
        assert_eq!(verify(8, chain(1)), Err(BrokenChain::WrongEvidence(1)));
    }

    #[test]
    fn a_row_taken_out_is_found() {
        let mut links = chain(4);
        links.remove(1);
        assert_eq!(verify(7, links), Err(BrokenChain::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn a_row_put_in_is_found() {
        let mut links = chain(3);
        let mut forged = links[1].clone();
        forged.seq = 2;
        links.insert(1, forged);
        assert!(verify(7, links).is_err());
    }

    proptest! {
        #[test]
        fn one_flipped_bit_anywhere_is_found(row in 0usize..4, position: prop::sample::Index, bit in 0u8..8) {
            let mut links = chain(4);
            let evidence = &mut links[row].evidence;
            let at = position.index(evidence.len());
            evidence[at] ^= 1 << bit;
            prop_assert!(verify(7, links).is_err());
        }
    }
}
