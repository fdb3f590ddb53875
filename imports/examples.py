"""An import, for the documents."""

IMPORT = {
    "id": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a15",
    "url": "https://klanten.example/v1/imports/0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a15/",
    "resource": "customers",
    "mode": "good",
    "dry_run": False,
    "notify": True,
    "file_name": "customers.csv",
    "state": "running",
    "rows": 2000,
    "created": 1990,
    "updated": 7,
    "unchanged": 1,
    "refused": 2,
    "percent": 40,
    "detail": "",
    "report_url": "https://klanten.example/v1/imports/0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a15/report/",
    "created_at": "2025-09-20T10:30:00Z",
    "updated_at": "2025-09-20T10:30:02Z",
    "finished_at": None,
}
