-- What the peers' designs keep in Postgres. Fewer columns and indexes than ours, to their advantage.
CREATE TABLE campaign (
    id serial PRIMARY KEY,
    template text NOT NULL,
    sent integer NOT NULL DEFAULT 0,
    delivered integer NOT NULL DEFAULT 0,
    read integer NOT NULL DEFAULT 0
);
CREATE TABLE sender (id integer PRIMARY KEY, sent integer NOT NULL DEFAULT 0);
CREATE TABLE recipient (
    id bigserial PRIMARY KEY,
    campaign_id integer NOT NULL REFERENCES campaign,
    phone_number text NOT NULL,
    variables jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    sender_id integer,
    text text,
    whatsapp_id text UNIQUE,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    UNIQUE (campaign_id, phone_number)
) WITH (fillfactor = 70);
CREATE TABLE message_log (
    id bigserial PRIMARY KEY,
    recipient_id bigint NOT NULL,
    sender_id integer NOT NULL,
    whatsapp_id text NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE contact (
    id bigserial PRIMARY KEY,
    phone_number text NOT NULL UNIQUE,
    name text NOT NULL,
    attributes jsonb NOT NULL
);
