from django.urls import path

from benchmarks.peers.django_api.views import OrderDetail, OrderList, Query

urlpatterns = [
    path("v1/orders/", OrderList.as_view()),
    path("v1/orders/<uuid:pk>/", OrderDetail.as_view()),
    path("v1/query/<str:app>/<str:customer_app_id>/", Query.as_view()),
]
