create table photo (id bigserial primary key, name text not null unique, bytes bigint not null, instance text not null);
