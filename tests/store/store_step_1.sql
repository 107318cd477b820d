BEGIN TRANSACTION;
CREATE TABLE about (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "about" VALUES('id','ad8cc15fad0d92c5');
INSERT INTO "about" VALUES('secret','secret-of-the-tests');
CREATE TABLE item (
	id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	shape_id TEXT NOT NULL, 
	image TEXT NOT NULL, 
	height_px INTEGER NOT NULL, 
	width_px INTEGER NOT NULL, 
	box JSON, 
	split TEXT, 
	subject TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (project_id, position), 
	UNIQUE (project_id, shape_id), 
	FOREIGN KEY(project_id) REFERENCES project (id)
);
INSERT INTO "item" VALUES(1,1,0,'face-0','/faces/0.png',100,80,NULL,'train','anna');
INSERT INTO "item" VALUES(2,1,1,'face-1','/faces/1.png',100,80,'[1.0, 2.0, 70.0, 90.0]','train','anna');
INSERT INTO "item" VALUES(3,1,2,'face-2','/faces/2.png',100,80,'[1.0, 2.0, 70.0, 90.0]','train','anna');
CREATE TABLE migration (
	number INTEGER NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "migration" VALUES(1,1.79568001727748394009e+09);
CREATE TABLE project (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	format TEXT NOT NULL, 
	chosen JSON NOT NULL, 
	represented_by JSON NOT NULL, 
	guide JSON, 
	archived BOOLEAN NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "project" VALUES(1,'faces','name = "mafl-5"
about = "The five landmarks of MAFL (Zhang et al. 2014). 300w-68 has no pupils: the nearest upper lid landmarks stand for them. Right and left are the person''s own sides, as in COCO."
landmarks = [
    "right_pupil",
    "left_pupil",
    "nose_tip",
    "right_mouth_corner",
    "left_mouth_corner",
]
mirror = [
    1,
    0,
    2,
    4,
    3,
]
contours = []

[spans]
inter_pupil = [
    0,
    1,
]

[maps]
300w-68 = [
    38,
    43,
    30,
    48,
    54,
]
wflw-98 = [
    96,
    97,
    54,
    76,
    82,
]

[[components]]
name = "right_eye"
indices = [
    0,
]

[[components]]
name = "left_eye"
indices = [
    1,
]

[[components]]
name = "nose"
indices = [
    2,
]

[[components]]
name = "mouth"
indices = [
    3,
    4,
]
','[0, 2]','[0, 0, 2, 2, 2]','[[0.0, 0.5], [1.0, 0.5], [2.0, 0.5], [3.0, 0.5], [4.0, 0.5]]',0,1.79568001729918360707e+09);
CREATE TABLE revision (
	item_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	annotator TEXT NOT NULL, 
	writer TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	base INTEGER NOT NULL, 
	points JSON NOT NULL, 
	status TEXT NOT NULL, 
	flag BOOLEAN NOT NULL, 
	active_ms BIGINT NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (item_id, number), 
	UNIQUE (item_id, writer, sequence), 
	FOREIGN KEY(item_id) REFERENCES item (id)
);
INSERT INTO "revision" VALUES(1,1,'ann','tab-1',1,0,'[{"x": 1.5, "y": 2.25, "v": 2}, null]','open',0,700,1.79568001732535338405e+09);
INSERT INTO "revision" VALUES(1,2,'ann','tab-1',2,0,'[{"x": 1.5, "y": 2.25, "v": 2}, {"x": null, "y": null, "v": 0}]','done',1,900,1.79568001733361124992e+09);
INSERT INTO "revision" VALUES(2,1,'bea','tab-2',1,0,'[null, null]','skipped',0,0,1.79568001733688807491e+09);
COMMIT;
