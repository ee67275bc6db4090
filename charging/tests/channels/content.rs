//! What a channel may say: let by somebody else, and taken back by one.

use charging::channel::content::{Verdict, decide, list, submit, verdict, withdraw};
use charging::channel::store::ChannelError;

use crate::agents::Agents;
use crate::world::{World, now};

const TEXT: &str = "流量加油包每月 10 元，含 2GB 国内流量。\n随时可退。";

#[tokio::test]
async fn a_text_is_shown_when_somebody_else_lets_it() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let id = &agents.channel_id;
    for (title, body) in
        [("全网最低价", TEXT), ("加油包", "比联通便宜"), ("加油包", " \n"), ("", TEXT), ("加油包", "a\u{7}")]
    {
        let refused = submit(&mut conn, &agents.manager, id, (title, body), now()).await;
        assert!(matches!(refused, Err(ChannelError::Text)), "{title} {body}");
    }
    let number = submit(&mut conn, &agents.manager, id, ("加油包", &TEXT.replace('\n', "\r\n")), now()).await.unwrap();
    let of = |contents: &[_]| verdict(contents, TEXT);
    assert_eq!(of(&list(&mut conn, id).await.unwrap()), Verdict::Unknown, "it waits");
    decide(&mut conn, &agents.approver, (id, number), (true, ""), now()).await.unwrap();
    assert_eq!(of(&list(&mut conn, id).await.unwrap()), Verdict::Unaltered(1));
    let twice = decide(&mut conn, &agents.approver, (id, number), (false, "不行"), now()).await;
    assert!(matches!(twice, Err(ChannelError::DecidedBefore)));
    withdraw(&mut conn, &agents.manager, (id, number), "价格要变", now()).await.unwrap();
    assert_eq!(of(&list(&mut conn, id).await.unwrap()), Verdict::Withdrawn(1));
    assert_eq!(list(&mut conn, id).await.unwrap()[0].body, TEXT, "it stays to be seen");
    assert!(matches!(
        withdraw(&mut conn, &agents.manager, (id, number), "again", now()).await,
        Err(ChannelError::DecidedBefore)
    ));
    assert!(matches!(withdraw(&mut conn, &agents.manager, (id, 9), "none", now()).await, Err(ChannelError::NotFound)));
    drop(conn);
    drop(agents);
    world.db.drop().await;
}
