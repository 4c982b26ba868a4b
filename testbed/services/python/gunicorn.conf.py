"""How gunicorn serves the Python services."""
bind = "0.0.0.0:8000"
workers = 1
worker_tmp_dir = "/dev/shm"
timeout = 30
graceful_timeout = 3
