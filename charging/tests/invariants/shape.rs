//! The shape that a distributed engine needs, and that keeps the invariants where one can see them.

use crate::world::World;

async fn names(world: &World, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(&world.db.owner).await.unwrap()
}

#[tokio::test]
async fn no_triggers_no_cascades_nothing_deferrable() {
    let world = World::new().await;
    let none: [(&str, &'static str); 3] = [
        ("triggers", "select tgname::text from pg_trigger where not tgisinternal"),
        (
            "foreign keys that delete or change rows",
            "select conname::text from pg_constraint where contype = 'f' and (confdeltype not in ('a', 'r') or confupdtype not in ('a', 'r'))",
        ),
        ("deferrable constraints", "select conname::text from pg_constraint where condeferrable"),
    ];
    for (what, sql) in none {
        assert_eq!(names(&world, sql).await, Vec::<String>::new(), "{what}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn subscriber_tables_carry_their_subscriber_in_every_key() {
    let world = World::new().await;
    let keys = names(
        &world,
        "select i.indexrelid::regclass::text from pg_index i
        join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
        where i.indisunique and c.relname not in ('msisdn', 'session', 'subscriber')
            and exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attname = 'subscriber_id')
            and not exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attname = 'subscriber_id'
                and a.attnum = any (i.indkey::int2[]))",
    )
    .await;
    assert_eq!(keys, Vec::<String>::new(), "unique keys without subscriber_id");
    let across = names(
        &world,
        "select f.conname::text from pg_constraint f
        join pg_attribute a on a.attrelid = f.conrelid and a.attname = 'subscriber_id'
        join pg_attribute b on b.attrelid = f.confrelid and b.attname = 'subscriber_id'
        where f.contype = 'f' and f.confrelid <> 'msisdn'::regclass
            and (not a.attnum = any (f.conkey) or not b.attnum = any (f.confkey))",
    )
    .await;
    assert_eq!(across, Vec::<String>::new(), "foreign keys that could reach another subscriber");
    world.db.drop().await;
}
