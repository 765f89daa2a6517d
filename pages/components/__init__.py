"""What pages share. Streamlit takes only the files directly in pages/ for pages."""
