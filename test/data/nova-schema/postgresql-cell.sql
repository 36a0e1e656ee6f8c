CREATE TYPE public.instances0locked_by AS ENUM ('owner', 'admin');
CREATE TYPE public.migration_type AS ENUM ('migration', 'resize', 'live-migration', 'evacuation');
CREATE TABLE public.instance_actions (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    id integer NOT NULL,
    action character varying(255),
    instance_uuid character varying(36),
    request_id character varying(255),
    user_id character varying(255),
    project_id character varying(255),
    start_time timestamp without time zone,
    finish_time timestamp without time zone,
    message character varying(255),
    deleted integer
);
CREATE TABLE public.instance_actions_events (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    id integer NOT NULL,
    event character varying(255),
    action_id integer,
    start_time timestamp without time zone,
    finish_time timestamp without time zone,
    result character varying(255),
    traceback text,
    deleted integer,
    host character varying(255),
    details text
);
CREATE SEQUENCE public.instance_actions_events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instance_actions_events_id_seq OWNED BY public.instance_actions_events.id;
CREATE SEQUENCE public.instance_actions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instance_actions_id_seq OWNED BY public.instance_actions.id;
CREATE TABLE public.instance_extra (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    deleted integer,
    id integer NOT NULL,
    instance_uuid character varying(36) NOT NULL,
    numa_topology text,
    pci_requests text,
    flavor text,
    vcpu_model text,
    migration_context text,
    keypairs text,
    device_metadata text,
    trusted_certs text,
    vpmems text,
    resources text
);
CREATE SEQUENCE public.instance_extra_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instance_extra_id_seq OWNED BY public.instance_extra.id;
CREATE TABLE public.instance_info_caches (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    id integer NOT NULL,
    network_info text,
    instance_uuid character varying(36) NOT NULL,
    deleted integer
);
CREATE SEQUENCE public.instance_info_caches_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instance_info_caches_id_seq OWNED BY public.instance_info_caches.id;
CREATE TABLE public.instances (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    id integer NOT NULL,
    internal_id integer,
    user_id character varying(255),
    project_id character varying(255),
    image_ref character varying(255),
    kernel_id character varying(255),
    ramdisk_id character varying(255),
    launch_index integer,
    key_name character varying(255),
    key_data text,
    power_state integer,
    vm_state character varying(255),
    memory_mb integer,
    vcpus integer,
    hostname character varying(255),
    host character varying(255),
    user_data text,
    reservation_id character varying(255),
    launched_at timestamp without time zone,
    terminated_at timestamp without time zone,
    display_name character varying(255),
    display_description character varying(255),
    availability_zone character varying(255),
    locked boolean,
    os_type character varying(255),
    launched_on text,
    instance_type_id integer,
    vm_mode character varying(255),
    uuid character varying(36) NOT NULL,
    architecture character varying(255),
    root_device_name character varying(255),
    access_ip_v4 inet,
    access_ip_v6 inet,
    config_drive character varying(255),
    task_state character varying(255),
    default_ephemeral_device character varying(255),
    default_swap_device character varying(255),
    progress integer,
    auto_disk_config boolean,
    shutdown_terminate boolean,
    disable_terminate boolean,
    root_gb integer,
    ephemeral_gb integer,
    cell_name character varying(255),
    node character varying(255),
    deleted integer,
    locked_by public.instances0locked_by,
    cleaned integer,
    ephemeral_key_uuid character varying(36),
    hidden boolean
);
CREATE SEQUENCE public.instances_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instances_id_seq OWNED BY public.instances.id;
CREATE TABLE public.migrations (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    id integer NOT NULL,
    source_compute character varying(255),
    dest_compute character varying(255),
    dest_host character varying(255),
    status character varying(255),
    instance_uuid character varying(36),
    old_instance_type_id integer,
    new_instance_type_id integer,
    source_node character varying(255),
    dest_node character varying(255),
    deleted integer,
    migration_type public.migration_type,
    hidden boolean,
    memory_total bigint,
    memory_processed bigint,
    memory_remaining bigint,
    disk_total bigint,
    disk_processed bigint,
    disk_remaining bigint,
    uuid character varying(36),
    cross_cell_move boolean,
    user_id character varying(255),
    project_id character varying(255)
);
CREATE SEQUENCE public.migrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.migrations_id_seq OWNED BY public.migrations.id;
CREATE TABLE public.services (
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    id integer NOT NULL,
    host character varying(255),
    "binary" character varying(255),
    topic character varying(255),
    report_count integer NOT NULL,
    disabled boolean,
    deleted integer,
    disabled_reason character varying(255),
    last_seen_up timestamp without time zone,
    forced_down boolean,
    version integer,
    uuid character varying(36)
);
CREATE SEQUENCE public.services_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.services_id_seq OWNED BY public.services.id;
ALTER TABLE ONLY public.instance_actions ALTER COLUMN id SET DEFAULT nextval('public.instance_actions_id_seq'::regclass);
ALTER TABLE ONLY public.instance_actions_events ALTER COLUMN id SET DEFAULT nextval('public.instance_actions_events_id_seq'::regclass);
ALTER TABLE ONLY public.instance_extra ALTER COLUMN id SET DEFAULT nextval('public.instance_extra_id_seq'::regclass);
ALTER TABLE ONLY public.instance_info_caches ALTER COLUMN id SET DEFAULT nextval('public.instance_info_caches_id_seq'::regclass);
ALTER TABLE ONLY public.instances ALTER COLUMN id SET DEFAULT nextval('public.instances_id_seq'::regclass);
ALTER TABLE ONLY public.migrations ALTER COLUMN id SET DEFAULT nextval('public.migrations_id_seq'::regclass);
ALTER TABLE ONLY public.services ALTER COLUMN id SET DEFAULT nextval('public.services_id_seq'::regclass);
ALTER TABLE ONLY public.instance_actions_events
    ADD CONSTRAINT instance_actions_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instance_actions
    ADD CONSTRAINT instance_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instance_extra
    ADD CONSTRAINT instance_extra_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instance_info_caches
    ADD CONSTRAINT instance_info_caches_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.services
    ADD CONSTRAINT services_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instance_info_caches
    ADD CONSTRAINT uniq_instance_info_caches0instance_uuid UNIQUE (instance_uuid);
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT uniq_instances0uuid UNIQUE (uuid);
ALTER TABLE ONLY public.services
    ADD CONSTRAINT uniq_services0host0binary0deleted UNIQUE (host, "binary", deleted);
ALTER TABLE ONLY public.services
    ADD CONSTRAINT uniq_services0host0topic0deleted UNIQUE (host, topic, deleted);
CREATE INDEX instance_actions_instance_uuid_updated_at_idx ON public.instance_actions USING btree (instance_uuid, updated_at);
CREATE INDEX instance_extra_idx ON public.instance_extra USING btree (instance_uuid);
CREATE INDEX instance_uuid_idx ON public.instance_actions USING btree (instance_uuid);
CREATE INDEX instances_deleted_created_at_idx ON public.instances USING btree (deleted, created_at);
CREATE INDEX instances_host_deleted_cleaned_idx ON public.instances USING btree (host, deleted, cleaned);
CREATE INDEX instances_host_node_deleted_idx ON public.instances USING btree (host, node, deleted);
CREATE INDEX instances_project_id_deleted_idx ON public.instances USING btree (project_id, deleted);
CREATE INDEX instances_project_id_idx ON public.instances USING btree (project_id);
CREATE INDEX instances_reservation_id_idx ON public.instances USING btree (reservation_id);
CREATE INDEX instances_task_state_updated_at_idx ON public.instances USING btree (task_state, updated_at);
CREATE INDEX instances_terminated_at_launched_at_idx ON public.instances USING btree (terminated_at, launched_at);
CREATE INDEX instances_updated_at_project_id_idx ON public.instances USING btree (updated_at, project_id);
CREATE INDEX instances_uuid_deleted_idx ON public.instances USING btree (uuid, deleted);
CREATE INDEX migrations_by_host_nodes_and_status_idx ON public.migrations USING btree (deleted, source_compute, dest_compute, source_node, dest_node, status);
CREATE INDEX migrations_instance_uuid_and_status_idx ON public.migrations USING btree (deleted, instance_uuid, status);
CREATE INDEX migrations_updated_at_idx ON public.migrations USING btree (updated_at);
CREATE UNIQUE INDEX migrations_uuid ON public.migrations USING btree (uuid);
CREATE INDEX request_id_idx ON public.instance_actions USING btree (request_id);
CREATE UNIQUE INDEX services_uuid_idx ON public.services USING btree (uuid);
CREATE UNIQUE INDEX uuid ON public.instances USING btree (uuid);
ALTER TABLE ONLY public.instance_actions_events
    ADD CONSTRAINT instance_actions_events_action_id_fkey FOREIGN KEY (action_id) REFERENCES public.instance_actions(id);
ALTER TABLE ONLY public.instance_actions
    ADD CONSTRAINT instance_actions_instance_uuid_fkey FOREIGN KEY (instance_uuid) REFERENCES public.instances(uuid);
ALTER TABLE ONLY public.instance_extra
    ADD CONSTRAINT instance_extra_instance_uuid_fkey FOREIGN KEY (instance_uuid) REFERENCES public.instances(uuid);
ALTER TABLE ONLY public.instance_info_caches
    ADD CONSTRAINT instance_info_caches_instance_uuid_fkey FOREIGN KEY (instance_uuid) REFERENCES public.instances(uuid);
ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_instance_uuid_fkey FOREIGN KEY (instance_uuid) REFERENCES public.instances(uuid);
