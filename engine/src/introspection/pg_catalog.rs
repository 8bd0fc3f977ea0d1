//! `pg_catalog`: what psql, DBeaver, SQLAlchemy, Metabase and their like ask for. What this database does not have (indexes, constraints, roles,
//! triggers) is there and empty.

use super::cells::{Cell, Column, Kind, row};
use super::functions::{self, FunctionObject};
use super::objects::{DATABASE_OID, PG_CATALOG_OID, Relation};
use super::{Definition, Facts, PG_CATALOG, pg_types};
use crate::session::view::Asked;
use crate::settings::CATALOG;
use crate::statements::settings;

const T: Kind = Kind::Text;
const I: Kind = Kind::Int;
const N: Kind = Kind::Number;
const F: Kind = Kind::Flag;

/// Who owns everything.
const OWNER_OID: i64 = 10;

/// PostgreSQL's own numbers of its tables, which comments and casts to regclass refer to.
const PG_CLASS_OID: i64 = 1259;
const PG_NAMESPACE_OID: i64 = 2615;

/// The number of a table of the catalog's own.
pub(super) fn own_oid(name: &str) -> Option<i64> {
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    match name {
        "pg_class" => Some(PG_CLASS_OID),
        "pg_namespace" => Some(PG_NAMESPACE_OID),
        "pg_type" => Some(1247),
        "pg_attribute" => Some(1249),
        "pg_proc" => Some(1255),
        "pg_database" => Some(1262),
        "pg_constraint" => Some(2606),
        "pg_attrdef" => Some(2604),
        _ => None,
    }
}

const PG_CLASS: &[Column] = &[
    ("oid", N),
    ("relname", T),
    ("relnamespace", N),
    ("reltype", N),
    ("reloftype", N),
    ("relowner", N),
    ("relam", N),
    ("relfilenode", N),
    ("reltablespace", N),
    ("relpages", I),
    ("reltuples", Kind::Double),
    ("relallvisible", I),
    ("reltoastrelid", N),
    ("relhasindex", F),
    ("relisshared", F),
    ("relpersistence", T),
    ("relkind", T),
    ("relnatts", I),
    ("relchecks", I),
    ("relhasrules", F),
    ("relhastriggers", F),
    ("relhassubclass", F),
    ("relrowsecurity", F),
    ("relforcerowsecurity", F),
    ("relispopulated", F),
    ("relreplident", T),
    ("relispartition", F),
    ("relhasoids", F),
    ("relacl", T),
    ("reloptions", Kind::Texts),
    ("relpartbound", T),
];

const PG_ATTRIBUTE: &[Column] = &[
    ("attrelid", N),
    ("attname", T),
    ("atttypid", N),
    ("attlen", I),
    ("attnum", I),
    ("attndims", I),
    ("atttypmod", I),
    ("attnotnull", F),
    ("atthasdef", F),
    ("atthasmissing", F),
    ("attidentity", T),
    ("attgenerated", T),
    ("attisdropped", F),
    ("attislocal", F),
    ("attinhcount", I),
    ("attcollation", N),
    ("attstattarget", I),
    ("attstorage", T),
    ("attcompression", T),
    ("attacl", T),
    ("attoptions", Kind::Texts),
];

const PG_TYPE: &[Column] = &[
    ("oid", N),
    ("typname", T),
    ("typnamespace", N),
    ("typowner", N),
    ("typlen", I),
    ("typbyval", F),
    ("typtype", T),
    ("typcategory", T),
    ("typispreferred", F),
    ("typisdefined", F),
    ("typdelim", T),
    ("typrelid", N),
    ("typelem", N),
    ("typarray", N),
    ("typnotnull", F),
    ("typbasetype", N),
    ("typtypmod", I),
    ("typndims", I),
    ("typcollation", N),
    ("typdefault", T),
    ("typinput", T),
];

const PG_NAMESPACE: &[Column] = &[("oid", N), ("nspname", T), ("nspowner", N), ("nspacl", T)];

const PG_DATABASE: &[Column] = &[
    ("oid", N),
    ("datname", T),
    ("datdba", N),
    ("encoding", I),
    ("datcollate", T),
    ("datctype", T),
    ("datistemplate", F),
    ("datallowconn", F),
    ("datconnlimit", I),
    ("dattablespace", N),
    ("datlocprovider", T),
    ("daticulocale", T),
    ("datacl", T),
];

const PG_TABLES: &[Column] = &[
    ("schemaname", T),
    ("tablename", T),
    ("tableowner", T),
    ("tablespace", T),
    ("hasindexes", F),
    ("hasrules", F),
    ("hastriggers", F),
    ("rowsecurity", F),
];

const PG_VIEWS: &[Column] = &[("schemaname", T), ("viewname", T), ("viewowner", T), ("definition", T)];

const PG_PROC: &[Column] = &[
    ("oid", N),
    ("proname", T),
    ("pronamespace", N),
    ("proowner", N),
    ("prolang", N),
    ("prokind", T),
    ("proisstrict", F),
    ("proretset", F),
    ("provolatile", T),
    ("pronargs", I),
    ("prorettype", N),
    ("proargtypes", T),
    ("proargnames", Kind::Texts),
    ("prosrc", T),
    ("proacl", T),
];

const PG_INDEX: &[Column] = &[
    ("indexrelid", N),
    ("indrelid", N),
    ("indnatts", I),
    ("indnkeyatts", I),
    ("indisunique", F),
    ("indisprimary", F),
    ("indisexclusion", F),
    ("indimmediate", F),
    ("indisclustered", F),
    ("indisvalid", F),
    ("indisready", F),
    ("indislive", F),
    ("indisreplident", F),
    ("indkey", T),
    ("indoption", T),
    ("indexprs", T),
    ("indpred", T),
];

const PG_INDEXES: &[Column] = &[("schemaname", T), ("tablename", T), ("indexname", T), ("tablespace", T), ("indexdef", T)];

const PG_CONSTRAINT: &[Column] = &[
    ("oid", N),
    ("conname", T),
    ("connamespace", N),
    ("contype", T),
    ("condeferrable", F),
    ("condeferred", F),
    ("convalidated", F),
    ("conrelid", N),
    ("contypid", N),
    ("conindid", N),
    ("conparentid", N),
    ("confrelid", N),
    ("confupdtype", T),
    ("confdeltype", T),
    ("confmatchtype", T),
    ("conislocal", F),
    ("coninhcount", I),
    ("connoinherit", F),
    ("conkey", Kind::Texts),
    ("confkey", Kind::Texts),
    ("conbin", T),
];

const PG_DESCRIPTION: &[Column] = &[("objoid", N), ("classoid", N), ("objsubid", I), ("description", T)];
const PG_SHDESCRIPTION: &[Column] = &[("objoid", N), ("classoid", N), ("description", T)];
const PG_ATTRDEF: &[Column] = &[("oid", N), ("adrelid", N), ("adnum", I), ("adbin", T)];
const PG_ROLES: &[Column] = &[
    ("oid", N),
    ("rolname", T),
    ("rolsuper", F),
    ("rolinherit", F),
    ("rolcreaterole", F),
    ("rolcreatedb", F),
    ("rolcanlogin", F),
    ("rolreplication", F),
    ("rolconnlimit", I),
    ("rolvaliduntil", T),
    ("rolbypassrls", F),
];
const PG_SETTINGS: &[Column] = &[
    ("name", T),
    ("setting", T),
    ("unit", T),
    ("category", T),
    ("short_desc", T),
    ("extra_desc", T),
    ("context", T),
    ("vartype", T),
    ("source", T),
    ("min_val", T),
    ("max_val", T),
    ("enumvals", Kind::Texts),
    ("boot_val", T),
    ("reset_val", T),
];
const PG_SEQUENCES: &[Column] = &[
    ("schemaname", T),
    ("sequencename", T),
    ("sequenceowner", T),
    ("data_type", T),
    ("start_value", N),
    ("min_value", N),
    ("max_value", N),
    ("increment_by", N),
    ("cycle", F),
    ("cache_size", N),
    ("last_value", N),
];
const PG_AM: &[Column] = &[("oid", N), ("amname", T), ("amhandler", T), ("amtype", T)];
const PG_LANGUAGE: &[Column] = &[("oid", N), ("lanname", T), ("lanowner", N), ("lanispl", F), ("lanpltrusted", F)];
const PG_COLLATION: &[Column] = &[("oid", N), ("collname", T), ("collnamespace", N), ("collprovider", T), ("collencoding", I)];
const PG_EXTENSION: &[Column] =
    &[("oid", N), ("extname", T), ("extowner", N), ("extnamespace", N), ("extrelocatable", F), ("extversion", T)];
const PG_TABLESPACE: &[Column] = &[("oid", N), ("spcname", T), ("spcowner", N), ("spcacl", T), ("spcoptions", Kind::Texts)];
const PG_INHERITS: &[Column] = &[("inhrelid", N), ("inhparent", N), ("inhseqno", I), ("inhdetachpending", F)];
const PG_TRIGGER: &[Column] =
    &[("oid", N), ("tgrelid", N), ("tgname", T), ("tgfoid", N), ("tgtype", I), ("tgenabled", T), ("tgisinternal", F)];
const PG_ENUM: &[Column] = &[("oid", N), ("enumtypid", N), ("enumsortorder", Kind::Double), ("enumlabel", T)];
const PG_DEPEND: &[Column] =
    &[("classid", N), ("objid", N), ("objsubid", I), ("refclassid", N), ("refobjid", N), ("refobjsubid", I), ("deptype", T)];
const PG_POLICY: &[Column] = &[
    ("oid", N),
    ("polname", T),
    ("polrelid", N),
    ("polcmd", T),
    ("polpermissive", F),
    ("polroles", Kind::Texts),
    ("polqual", T),
    ("polwithcheck", T),
];
const PG_STATISTIC_EXT: &[Column] =
    &[("oid", N), ("stxrelid", N), ("stxname", T), ("stxnamespace", N), ("stxkind", Kind::Texts), ("stxstattarget", I)];
const PG_PUBLICATION: &[Column] = &[("oid", N), ("pubname", T), ("pubowner", N), ("puballtables", F)];
const PG_PUBLICATION_REL: &[Column] = &[("oid", N), ("prpubid", N), ("prrelid", N), ("prqual", T), ("prattrs", Kind::Texts)];
const PG_PUBLICATION_NAMESPACE: &[Column] = &[("oid", N), ("pnpubid", N), ("pnnspid", N)];
const PG_REWRITE: &[Column] = &[("oid", N), ("rulename", T), ("ev_class", N), ("ev_type", T), ("ev_enabled", T), ("is_instead", F)];
const PG_FOREIGN_TABLE: &[Column] = &[("ftrelid", N), ("ftserver", N), ("ftoptions", Kind::Texts)];
const PG_FOREIGN_SERVER: &[Column] = &[("oid", N), ("srvname", T), ("srvowner", N), ("srvfdw", N), ("srvoptions", Kind::Texts)];
const PG_MATVIEWS: &[Column] = &[("schemaname", T), ("matviewname", T), ("matviewowner", T), ("ispopulated", F), ("definition", T)];
const PG_STAT_ACTIVITY: &[Column] =
    &[("datid", N), ("datname", T), ("pid", I), ("usename", T), ("application_name", T), ("state", T), ("query", T)];
const PG_STAT_USER_TABLES: &[Column] =
    &[("relid", N), ("schemaname", T), ("relname", T), ("seq_scan", N), ("n_live_tup", N), ("n_dead_tup", N)];

const fn table(name: &'static str, columns: &'static [Column], rows: fn(&Facts<'_>) -> Vec<Vec<Cell>>) -> Definition {
    Definition { schema: PG_CATALOG, name, columns, rows }
}

const fn empty(name: &'static str, columns: &'static [Column]) -> Definition {
    table(name, columns, |_| Vec::new())
}

/// The tables.
pub(super) static TABLES: &[Definition] = &[
    table("pg_class", PG_CLASS, |facts| facts.objects.relations.iter().map(class).chain(sequence_classes(facts)).collect()),
    table("pg_attribute", PG_ATTRIBUTE, |facts| facts.objects.relations.iter().flat_map(attributes).collect()),
    table("pg_attrdef", PG_ATTRDEF, |facts| facts.objects.relations.iter().flat_map(defaults).collect()),
    table("pg_type", PG_TYPE, |_| types()),
    table("pg_namespace", PG_NAMESPACE, |facts| {
        facts.objects.schemas.iter().map(|schema| row![schema.oid, schema.name.clone(), OWNER_OID]).collect()
    }),
    table("pg_database", PG_DATABASE, |_| {
        vec![row![DATABASE_OID, CATALOG, OWNER_OID, 6_i64, "C", "C", false, true, -1_i64, 1663_i64, "c"]]
    }),
    table("pg_tables", PG_TABLES, |facts| {
        let table =
            |relation: &Relation| row![relation.schema.clone(), relation.name.clone(), CATALOG, Cell::Null, false, false, false, false];
        facts.objects.tables().map(|(relation, _)| table(relation)).collect()
    }),
    table("pg_views", PG_VIEWS, |facts| {
        facts
            .objects
            .views()
            .map(|(relation, view)| row![relation.schema.clone(), relation.name.clone(), CATALOG, view.sql.clone()])
            .collect()
    }),
    table("pg_proc", PG_PROC, |facts| functions::all(facts).iter().enumerate().map(|(at, function)| proc(at, function)).collect()),
    table("pg_description", PG_DESCRIPTION, descriptions),
    table("pg_roles", PG_ROLES, |_| vec![row![OWNER_OID, CATALOG, true, true, true, true, true, false, -1_i64, Cell::Null, true]]),
    table("pg_settings", PG_SETTINGS, |facts| {
        let Some(asked) = Asked::of(facts.session.config_options()) else { return Vec::new() };
        let setting = |setting: settings::Shown| {
            let context = if setting.fixed { "internal" } else { "user" };
            let mut cells = row![setting.name, setting.value, Cell::Null, setting.scope, setting.description, Cell::Null];
            cells.extend([Cell::from(context), Cell::from("string"), Cell::from("session")]);
            cells
        };
        settings::all(&asked).into_iter().map(setting).collect()
    }),
    table("pg_sequences", PG_SEQUENCES, |facts| {
        let sequence = |(schema, _, meta): &(String, i64, std::sync::Arc<clouddb_storage::catalog::SequenceMeta>)| {
            row![
                schema.clone(),
                meta.name.clone(),
                CATALOG,
                "bigint",
                meta.start,
                meta.min,
                meta.max,
                meta.increment,
                meta.cycle,
                1_i64,
                meta.taken.checked_sub(1).and_then(|last| meta.number(last).ok()),
            ]
        };
        facts.objects.sequences.iter().map(sequence).collect()
    }),
    table("pg_am", PG_AM, |_| vec![row![2_i64, "heap", "heap_tableam_handler", "t"]]),
    table("pg_language", PG_LANGUAGE, |_| vec![row![14_i64, "sql", OWNER_OID, false, true]]),
    table("pg_collation", PG_COLLATION, |_| {
        vec![row![100_i64, "default", PG_CATALOG_OID, "d", -1_i64], row![950_i64, "C", PG_CATALOG_OID, "c", -1_i64]]
    }),
    table("pg_tablespace", PG_TABLESPACE, |_| vec![row![1663_i64, "pg_default", OWNER_OID]]),
    empty("pg_index", PG_INDEX),
    empty("pg_indexes", PG_INDEXES),
    empty("pg_constraint", PG_CONSTRAINT),
    empty("pg_shdescription", PG_SHDESCRIPTION),
    empty("pg_extension", PG_EXTENSION),
    empty("pg_inherits", PG_INHERITS),
    empty("pg_trigger", PG_TRIGGER),
    empty("pg_enum", PG_ENUM),
    empty("pg_depend", PG_DEPEND),
    empty("pg_policy", PG_POLICY),
    empty("pg_statistic_ext", PG_STATISTIC_EXT),
    empty("pg_publication", PG_PUBLICATION),
    empty("pg_publication_rel", PG_PUBLICATION_REL),
    empty("pg_publication_namespace", PG_PUBLICATION_NAMESPACE),
    empty("pg_rewrite", PG_REWRITE),
    empty("pg_foreign_table", PG_FOREIGN_TABLE),
    empty("pg_foreign_server", PG_FOREIGN_SERVER),
    empty("pg_matviews", PG_MATVIEWS),
    empty("pg_stat_activity", PG_STAT_ACTIVITY),
    table("pg_stat_user_tables", PG_STAT_USER_TABLES, |facts| {
        let table =
            |relation: &Relation| row![relation.oid, relation.schema.clone(), relation.name.clone(), Cell::Null, relation.rows(), 0_i64];
        facts.objects.tables().map(|(relation, _)| table(relation)).collect()
    }),
];

fn class(relation: &Relation) -> Vec<Cell> {
    let is_table = !relation.is_view() && !relation.is_internal();
    class_cells(
        relation.oid,
        &relation.name,
        relation.schema_oid,
        if is_table { "r" } else { "v" },
        relation.columns.len(),
        relation.rows(),
    )
}

fn class_cells(oid: i64, name: &str, schema: i64, kind: &str, columns: usize, rows: Option<i64>) -> Vec<Cell> {
    let mut cells = row![oid, name, schema, 0_i64, 0_i64, OWNER_OID, if kind == "r" { 2_i64 } else { 0 }, oid, 0_i64, 0_i64];
    cells.extend(row![rows.unwrap_or(0), 0_i64, 0_i64, false, false, "p", kind, columns, 0_i64]);
    cells.extend(row![kind == "v", false, false, false, false, true, if kind == "r" { "d" } else { "n" }, false, false]);
    cells
}

/// Sequences stand among tables, as in PostgreSQL.
fn sequence_classes<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = Vec<Cell>> + use<'a> {
    facts.objects.sequences.iter().map(|(_, schema, meta)| {
        let oid = i64::try_from(meta.id.0 % (1 << 31)).unwrap_or(0);
        class_cells(oid, &meta.name, *schema, "S", 3, None)
    })
}

fn attributes(relation: &Relation) -> impl Iterator<Item = Vec<Cell>> {
    relation.columns.iter().enumerate().map(move |(at, column)| {
        let oid = pg_types::oid_of(&column.field);
        let known = pg_types::TYPES.iter().find(|found| found.oid == oid);
        let is_list = pg_types::TYPES.iter().any(|found| found.array == oid);
        let mut cells = row![
            relation.oid,
            column.field.name().as_str(),
            oid,
            known.map_or(-1, |found| found.length),
            at + 1,
            i64::from(is_list),
            pg_types::modifier_of(&column.field),
        ];
        cells.extend(row![!column.nullable, column.default.is_some(), false, "", "", false, true, 0_i64]);
        cells.extend(row![
            if oid == 1043 { 100_i64 } else { 0 },
            -1_i64,
            if known.is_some_and(|found| found.length > 0) { "p" } else { "x" },
            ""
        ]);
        cells
    })
}

fn defaults(relation: &Relation) -> impl Iterator<Item = Vec<Cell>> {
    let with_default = relation.columns.iter().enumerate().filter_map(|(at, column)| Some((at, column.default.clone()?)));
    with_default.map(move |(at, default)| row![relation.oid + i64::try_from(at).unwrap_or(0), relation.oid, at + 1, default])
}

fn types() -> Vec<Vec<Cell>> {
    let one = |oid: i64, name: String, length: i64, kind: &str, category: &str, element: i64, array: i64| {
        let mut cells = row![oid, name, PG_CATALOG_OID, OWNER_OID, length, (1..=8).contains(&length), kind, category];
        let (input, collation) = (if element > 0 { "array_in" } else { "in" }, if category == "S" { 100_i64 } else { 0 });
        cells.extend(row![false, true, ",", 0_i64, element, array, false, 0_i64, -1_i64, 0_i64, collation, Cell::Null, input]);
        cells
    };
    let plain = pg_types::TYPES.iter().map(|found| {
        let kind = if found.category == "P" { "p" } else { "b" };
        one(found.oid, found.name.to_owned(), found.length, kind, found.category, 0, found.array)
    });
    let lists = pg_types::TYPES.iter().map(|found| one(found.array, format!("_{}", found.name), -1, "b", "A", found.oid, 0));
    plain.chain(lists).collect()
}

fn proc(at: usize, function: &FunctionObject) -> Vec<Cell> {
    let kind = match function.kind {
        "aggregate" => "a",
        "window" => "w",
        _ => "f",
    };
    let volatility = if function.deterministic { "i" } else { "v" };
    row![
        8_000 + i64::try_from(at).unwrap_or(0),
        function.name.clone(),
        PG_CATALOG_OID,
        OWNER_OID,
        14_i64,
        kind,
        false,
        function.kind == "table",
        volatility,
        0_i64,
        0_i64,
        "",
        Cell::Null,
        function.definition.clone().unwrap_or_else(|| function.name.clone()),
    ]
}

fn descriptions(facts: &Facts<'_>) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for schema in &facts.objects.schemas {
        rows.extend(schema.comment.clone().map(|comment| row![schema.oid, PG_NAMESPACE_OID, 0_i64, comment]));
    }
    for relation in &facts.objects.relations {
        rows.extend(relation.comment.clone().map(|comment| row![relation.oid, PG_CLASS_OID, 0_i64, comment]));
        for (at, column) in relation.columns.iter().enumerate() {
            rows.extend(column.comment.clone().map(|comment| row![relation.oid, PG_CLASS_OID, at + 1, comment]));
        }
    }
    rows
}
